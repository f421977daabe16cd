/*
 * A service in C that runs under the units of foobar, to show what of the policy
 * does not depend on Go. It takes the sockets that systemd passes (sd_listen_fds(3)),
 * reports readiness (sd_notify(3)), keeps a file in the state directory, and answers
 * each connection of the metrics socket with what the sandbox let it do.
 *
 *	cc -static -no-pie -Wl,-z,norelro -O2 -o service service.c
 *
 * -static and -no-pie: the root directory has no loader. norelro: the filter has no
 * mprotect(2), with which libc would make its relocated data read-only.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FIRST_FD = 3 }; /* SD_LISTEN_FDS_START */

/* named_fd returns the descriptor that systemd passes under a name, or -1. */
static int named_fd(const char *name)
{
	const char *names = getenv("LISTEN_FDNAMES");
	for (int fd = FIRST_FD; names && *names; fd++) {
		size_t length = strcspn(names, ":");
		if (length == strlen(name) && strncmp(names, name, length) == 0)
			return fd;
		names += length + (names[length] == ':');
	}
	return -1;
}

/* result returns the error of a call that has returned code. */
static const char *result(int code)
{
	return code < 0 ? strerror(errno) : "ok";
}

static int notify = -1;

/* send_notification ends the program if systemd cannot be notified. */
static void send_notification(const char *text, size_t length)
{
	if (write(notify, text, length) < 0)
		_exit(1);
}

/* reload answers SIGHUP, without whose handler systemd refuses Type=notify-reload. */
static void reload(int signal)
{
	static const char ready[] = "READY=1";
	struct timespec now;
	char text[64];

	(void)signal;
	clock_gettime(CLOCK_MONOTONIC, &now);
	int length = snprintf(text, sizeof text, "RELOADING=1\nMONOTONIC_USEC=%lld", now.tv_sec * 1000000LL + now.tv_nsec / 1000);
	send_notification(text, (size_t)length);
	send_notification(ready, sizeof ready - 1);
}

int main(int argc, char **argv)
{
	static const char file[] = "/var/lib/foobar/written-by-c";
	static const char ready[] = "READY=1\nSTATUS=A static program in C";
	char report[1024], request[4096];
	int metrics = named_fd("metrics");
	char *none[] = {NULL};

	(void)argc;
	notify = named_fd("notify");
	if (notify < 0 || metrics < 0)
		return 78; /* EX_CONFIG: a restart does not help */
	const char *state = result(open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	const char *elsewhere = result(open("/written", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	const char *network = result(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
	const char *users = result(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
	const char *program = result(execve(file, none, none));
	int length = snprintf(report, sizeof report,
		"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"
		"program: %s\nwrite the state: %s\nwrite elsewhere: %s\nsocket: %s\nread /etc/passwd: %s\nexecute the state: %s\n",
		argv[0], state, elsewhere, network, users, program);
	sigaction(SIGHUP, &(struct sigaction){.sa_handler = reload, .sa_flags = SA_RESTART}, NULL);
	send_notification(ready, sizeof ready - 1);
	for (;;) {
		int conn = accept4(metrics, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0)
			return 1;
		if (read(conn, request, sizeof request) > 0 && write(conn, report, (size_t)length) < 0)
			return 1;
		close(conn);
	}
}
