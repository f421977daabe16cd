//go:build vm

package vm

import (
	"flag"
	"time"
)

var arch = flag.String("arch", "x86_64", "architecture of the machine if it is made: x86_64, or aarch64 for TestAarch64")

// A platform is how qemu emulates an architecture.
type platform struct {
	qemu               string // the program
	machine, processor string // options -M and -cpu
	options            string // of the kernel, on this architecture alone
	// bootTime bounds the time of a boot on a busy host: the processor is emulated.
	bootTime time.Duration
}

func platformOf(arch string) platform {
	if arch == "aarch64" {
		// The oldest processor on which GOARM64=v8.0 of the PKGBUILD has to run.
		return platform{"qemu-system-aarch64", "virt", "cortex-a53", "console=ttyAMA0", 20 * time.Minute}
	}
	return platform{"qemu-system-x86_64", "pc", "max", "console=ttyS0 8250.nr_uarts=1 tsc=reliable no_timer_check", 5 * time.Minute}
}
