import java.io.ByteArrayInputStream;
import java.io.FileInputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

/** A request by Java's HttpClient. Prints the status, the body and the protocol. */
class Client {
  public static void main(String[] args) throws Exception {
    var uri = URI.create(System.getenv("url") + "/");
    var bearer = "Bearer " + System.getenv("token");
    var request = switch (args[0]) {
      case "read" -> HttpRequest.newBuilder(uri).build();
      case "write" -> HttpRequest.newBuilder(uri).header("Authorization", bearer)
          .POST(HttpRequest.BodyPublishers.ofString("new")).build();
      case "stream" -> HttpRequest.newBuilder(uri).header("Authorization", bearer)
          .POST(HttpRequest.BodyPublishers.ofInputStream(() -> new ByteArrayInputStream("new".getBytes()))).build();
      default -> throw new IllegalArgumentException(args[0]);
    };
    var client = HttpClient.newBuilder().sslContext(trusting(System.getenv("cert"))).build();
    var response = client.send(request, HttpResponse.BodyHandlers.ofString());
    System.out.println(response.statusCode() + " " + response.body() + " " + response.version());
  }

  /** trusting returns a context that trusts one certificate. */
  static SSLContext trusting(String file) throws Exception {
    var store = KeyStore.getInstance(KeyStore.getDefaultType());
    store.load(null);
    try (var in = new FileInputStream(file)) {
      store.setCertificateEntry("server", CertificateFactory.getInstance("X.509").generateCertificate(in));
    }
    var trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(store);
    var context = SSLContext.getInstance("TLS");
    context.init(null, trust.getTrustManagers(), null);
    return context;
  }
}
