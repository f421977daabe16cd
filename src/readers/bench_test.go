package readers

import "testing"

// BenchmarkBegin shows what a response pays for Begin and End, beside loading the
// current version without them. A GET of 1 KiB over HTTPS takes 10,000 ns.
//
//	go test ./src/readers -run '^$' -bench . -cpu 2
func BenchmarkBegin(b *testing.B) {
	s, set := openStore(b, 1<<20)
	replace(b, s, 1<<10)
	b.Run("current", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			for p.Next() {
				if s.Current() == nil {
					b.Error("there is no version")
				}
			}
		})
	})
	b.Run("begin", func(b *testing.B) {
		b.RunParallel(func(p *testing.PB) {
			r := set.Add(func() {})
			for p.Next() {
				if r.Begin() == nil || !r.End() {
					b.Error("there is no version, or the reader was cut off")
				}
			}
		})
	})
}

// BenchmarkEnforce shows what the check of all readers takes with 10,000 of them.
// It is made once for as many bytes of new versions as the limit has.
func BenchmarkEnforce(b *testing.B) {
	s, set := openStore(b, 0)
	replace(b, s, 1)
	for range 10_000 {
		set.Add(func() {}).Begin()
	}
	replace(b, s, 1)
	for b.Loop() {
		set.atMost = 1
		set.Enforce()
	}
}
