package main

import (
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// families are the address families of socket(2).
func families() []struct {
	name   string
	number int
} {
	return []struct {
		name   string
		number int
	}{
		{"AF_UNIX", 1}, {"AF_INET", 2}, {"AF_AX25", 3}, {"AF_IPX", 4}, {"AF_APPLETALK", 5}, {"AF_NETROM", 6}, {"AF_BRIDGE", 7},
		{"AF_ATMPVC", 8}, {"AF_X25", 9}, {"AF_INET6", 10}, {"AF_ROSE", 11}, {"AF_DECnet", 12}, {"AF_NETBEUI", 13}, {"AF_SECURITY", 14},
		{"AF_KEY", 15}, {"AF_NETLINK", 16}, {"AF_PACKET", 17}, {"AF_ASH", 18}, {"AF_ECONET", 19}, {"AF_ATMSVC", 20}, {"AF_RDS", 21},
		{"AF_SNA", 22}, {"AF_IRDA", 23}, {"AF_PPPOX", 24}, {"AF_WANPIPE", 25}, {"AF_LLC", 26}, {"AF_IB", 27}, {"AF_MPLS", 28},
		{"AF_CAN", 29}, {"AF_TIPC", 30}, {"AF_BLUETOOTH", 31}, {"AF_IUCV", 32}, {"AF_RXRPC", 33}, {"AF_ISDN", 34}, {"AF_PHONET", 35},
		{"AF_IEEE802154", 36}, {"AF_CAIF", 37}, {"AF_ALG", 38}, {"AF_NFC", 39}, {"AF_VSOCK", 40}, {"AF_KCM", 41}, {"AF_QIPCRTR", 42},
		{"AF_SMC", 43}, {"AF_XDP", 44}, {"AF_MCTP", 45},
	}
}

// socketTypes are all types of socket(2).
func socketTypes() []int {
	return []int{unix.SOCK_STREAM, unix.SOCK_DGRAM, unix.SOCK_RAW, unix.SOCK_RDM, unix.SOCK_SEQPACKET, unix.SOCK_DCCP, unix.SOCK_PACKET}
}

// anySocket opens a socket of the family with any type and protocol that is
// usual for it, and returns the first refusal if none can be opened. EPERM and
// EAFNOSUPPORT come before other errors.
func anySocket(family int) error {
	var refusal error
	for _, kind := range socketTypes() {
		for _, protocol := range []int{0, 1, 3, 9, 16, 132} {
			fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
			if err == nil {
				unix.Close(fd)
				return nil
			}
			if refusal == nil || err == syscall.EPERM {
				refusal = err
			}
		}
	}
	return refusal
}

// networkAttempts try to reach anything that the service was not handed.
func (m *memory) networkAttempts(t target) []attempt {
	var list []attempt
	for _, f := range families() {
		list = append(list, try("socket-"+f.name, "open a socket of "+f.name+", of any type", func() error { return anySocket(f.number) }))
	}
	loopback := inet4(22, [4]byte{127, 0, 0, 1})
	tcp := m.call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM, 0)
	reached := []syscall.Errno{syscall.ECONNREFUSED, syscall.EINPROGRESS, syscall.ETIMEDOUT}
	list = append(list,
		steps("connect", "connect to another service of the machine", tcp, m.call(unix.SYS_CONNECT, result(0), loopback, len(loopback))).orErrno(reached...),
		steps("bind", "open a port", tcp, m.call(unix.SYS_BIND, result(0), inet4(0, [4]byte{}), 16), m.call(unix.SYS_LISTEN, result(0), 1)),
		steps("icmp", "send raw packets", m.call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)),
		steps("netlink-routes", "list the network's interfaces", m.call(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, 0)),
		steps("netlink-audit", "reach the audit system", m.call(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT)),
		steps("unix-pair", "make a pair of sockets", m.call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, make([]byte, 8))),
	)
	for _, s := range []struct{ name, address string }{
		{"abstract", "\x00probe"}, {"dbus", "/run/dbus/system_bus_socket"}, {"systemd", "/run/systemd/private"},
		{"journal", "/run/systemd/journal/stdout"}, {"syslog", "/dev/log"},
	} {
		address := append([]byte{unix.AF_UNIX, 0}, s.address...)
		list = append(list, steps("unix-"+s.name, "connect to the AF_UNIX socket "+printable(s.address),
			m.call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM, 0), m.call(unix.SYS_CONNECT, result(0), address, len(address))).orErrno(syscall.ECONNREFUSED, syscall.EPROTOTYPE))
	}
	for _, s := range t.sockets {
		list = append(list, m.inherited(s)...)
	}
	return list
}

// inherited tries what can be made of a socket that systemd opened, as it
// belongs to the machine's network and not to the service's.
func (m *memory) inherited(s socket) []attempt {
	call := func(name, what string, number uintptr, args ...any) attempt {
		return m.single(s.name+"-"+name, what+" the inherited socket "+s.name, number, append([]any{s.fd}, args...)...)
	}
	loopback := inet4(22, [4]byte{127, 0, 0, 1})
	disconnect := m.call(unix.SYS_CONNECT, s.fd, make([]byte, 16), 16)
	disconnect.optional = true
	list := []attempt{
		call("ioctl", "list the machine's network interfaces by", unix.SYS_IOCTL, unix.SIOCGIFCONF, words(0, 0)).orErrno(syscall.ENOTTY),
		call("bind", "rebind", unix.SYS_BIND, inet4(0, [4]byte{}), 16).orErrno(syscall.EINVAL),
		call("send-descriptor", "send a descriptor by", unix.SYS_SENDMSG, m.rights(), 0).orErrno(syscall.ENOTCONN, syscall.EPIPE),
		call("attach-filter", "attach a BPF program to", unix.SYS_SETSOCKOPT, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, m.filter(), 16),
		call("option", "set an option of", unix.SYS_SETSOCKOPT, unix.SOL_SOCKET, unix.SO_KEEPALIVE, []byte{1, 0, 0, 0}, 4),
		call("peer", "open a descriptor of the process that has opened", unix.SYS_GETSOCKOPT, unix.SOL_SOCKET, unix.SO_PEERPIDFD, make([]byte, 4), words(4)),
	}
	switch s.name {
	case "notify":
		settings := "NOTIFYACCESS=main\nWATCHDOG_USEC=30000000\nSTATUS=\x1b[0mprobe"
		return append(list,
			call("write", "send systemd a status through", unix.SYS_WRITE, "STATUS=probe", 12),
			call("settings", "change how systemd treats the service, through", unix.SYS_WRITE, settings, len(settings)))
	case "journal":
		forged := "MESSAGE=probe\nCOREDUMP_UNIT=probe.service\n"
		return append(list,
			call("write", "write a log entry by", unix.SYS_WRITE, "MESSAGE=probe\n", 14),
			call("forge", "write a log entry that is shown under another unit, by", unix.SYS_WRITE, forged, len(forged)))
	}
	return append(list,
		call("accept", "take a connection from", unix.SYS_ACCEPT4, 0, 0, unix.SOCK_NONBLOCK).orErrno(syscall.EAGAIN).succeedsByBlocking(),
		call("flags", "change the status flags of", unix.SYS_FCNTL, unix.F_SETFL, unix.O_ASYNC),
		call("listen", "lengthen the queue of", unix.SYS_LISTEN, 4096),
		call("shutdown", "shut down", unix.SYS_SHUTDOWN, 9).orErrno(syscall.EINVAL),
		// These two, where they work, end the listening.
		steps(s.name+"-connect", "disconnect the inherited socket "+s.name+" and connect out by it",
			disconnect, m.call(unix.SYS_CONNECT, s.fd, loopback, 16)).orErrno(syscall.ECONNREFUSED, syscall.EINPROGRESS, syscall.EISCONN, syscall.EINVAL),
		steps(s.name+"-fast-open", "disconnect the inherited socket "+s.name+" and send out by it",
			disconnect, m.call(unix.SYS_SENDTO, s.fd, "x", 1, unix.MSG_FASTOPEN, loopback, 16)).orErrno(syscall.ECONNREFUSED, syscall.EINPROGRESS, syscall.EISCONN, syscall.EOPNOTSUPP, syscall.EPIPE),
	)
}

// succeedsByBlocking marks an attempt whose success does not return.
func (a attempt) succeedsByBlocking() attempt {
	a.blocking = true
	return a
}

// rights is a message that hands over standard error.
func (m *memory) rights() []byte {
	control := append(words(20, 1<<32|unix.SOL_SOCKET), 2, 0, 0, 0, 0, 0, 0, 0)
	data := m.vector([]byte("X=1"))
	return words(0, 0, uint64(m.bytes(data)), 1, uint64(m.bytes(control)), uint64(len(control)), 0)
}

func inet4(port uint16, ip [4]byte) []byte {
	return append([]byte{unix.AF_INET, 0, byte(port >> 8), byte(port), ip[0], ip[1], ip[2], ip[3]}, make([]byte, 8)...)
}

func printable(address string) string {
	if address[0] == 0 {
		return "@" + address[1:]
	}
	return fmt.Sprint(address)
}
