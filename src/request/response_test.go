package request

import (
	"net/http"
	"reflect"
	"strconv"
	"testing"
	"time"
)

// A discardWriter is a http.ResponseWriter for benchmarks.
type discardWriter struct{ header http.Header }

func (w *discardWriter) Header() http.Header         { return w.header }
func (w *discardWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *discardWriter) WriteHeader(int)             {}

// everyField returns a response that sets every header field of Write.
func everyField() Response {
	r := Response{Status: http.StatusOK, Body: []byte("body"), Close: true}
	v := reflect.ValueOf(&r).Elem()
	for i := range v.NumField() {
		if v.Field(i).Kind() == reflect.String {
			v.Field(i).SetString(v.Type().Field(i).Name)
		}
	}
	return r
}

// TestWriteFields adds a line to every field that Write has set, which must change that
// field alone, and wants room for all fields in the first array.
func TestWriteFields(t *testing.T) {
	r, w := everyField(), &discardWriter{http.Header{}}
	r.Write(w, http.MethodGet)
	if len(w.header) != maxFields {
		t.Errorf("%d fields, want %d: %v", len(w.header), maxFields, w.header)
	}
	want := w.header.Clone()
	for name := range want {
		want.Add(name, "more")
		w.header.Add(name, "more")
	}
	if !reflect.DeepEqual(w.header, want) {
		t.Errorf("the fields are\n%v, want\n%v", w.header, want)
	}
}

// BenchmarkWrite compares Write with a slice for each field, by turns: the ratio of the
// times, and the allocations of both.
func BenchmarkWrite(b *testing.B) {
	r := Response{Status: http.StatusOK, Body: make([]byte, 1<<10), ETag: `"tag"`, AcceptRanges: "bytes", ContentType: TextType}
	slices, w := writeFieldByField(&r), &discardWriter{http.Header{}}
	var took [2]time.Duration
	for b.Loop() {
		for i, write := range [...]func(http.ResponseWriter, string){slices, r.Write} {
			clear(w.header)
			start := time.Now()
			write(w, http.MethodGet)
			took[i] += time.Since(start)
		}
	}
	b.ReportMetric(float64(took[1])/float64(took[0]), "ratio")
	b.ReportMetric(testing.AllocsPerRun(100, func() { slices(w, http.MethodGet) }), "allocs-by-slices")
	b.ReportMetric(testing.AllocsPerRun(100, func() { r.Write(w, http.MethodGet) }), "allocs")
}

// writeFieldByField is Write with a slice for each field.
func writeFieldByField(r *Response) func(http.ResponseWriter, string) {
	return func(w http.ResponseWriter, _ string) {
		for name, value := range r.Fields {
			w.Header()[name] = []string{value}
		}
		w.Header()["Content-Length"] = []string{strconv.Itoa(len(r.Body))}
		w.WriteHeader(r.Status)
		_, _ = w.Write(r.Body)
	}
}
