package main

import (
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A bomb is several times the memory limit of the tests, but fits into the guest's address space: what stops it has to be
// the watchdog.
const bombSize = 900 << 20

// bombs run under the real filter. Each is bounded, so that it does no harm where nothing stops it.
func bombs() map[string]func() {
	return map[string]func(){
		"none":  waitForEnd,
		"exit7": func() { os.Exit(7) },
		"heap":  heapBomb,
		"populate": func() { // in pieces, until the kernel gives no more
			for range bombSize >> 24 {
				give(mapped(1<<24, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE))
			}
		},
		"populateall": func() { give(mapped(bombSize, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_POPULATE)) },
		"shared":      func() { give(mapped(bombSize, unix.MAP_SHARED|unix.MAP_ANON|unix.MAP_POPULATE)) },
		"recursion": func() {
			_ = recurse(1 << 22)
		},
		"fork":    func() { _ = forked(0)(order{}) },
		"threads": threadBomb,
		"files": func() {
			for range 4096 {
				_, _ = unix.Open("/", unix.O_RDONLY, 0)
			}
		},
		"disk": func() { _ = create("/tmp")(order{}) },
		"spin": func() {
			for end := time.Now().Add(20 * time.Second); time.Now().Before(end); {
			}
		},
		"sleep": func() { time.Sleep(20 * time.Second) },
		"flood": func() {
			block := make([]byte, 64<<10)
			for range 1024 {
				_, _ = os.Stdout.Write(block)
			}
			time.Sleep(20 * time.Second)
		},
		"logflood": func() {
			block := make([]byte, 64<<10)
			for range 1024 {
				_, _ = os.Stderr.Write(block)
			}
			time.Sleep(20 * time.Second)
		},
		"segv": func() {
			address := uintptr(8)
			**(**int)(unsafe.Pointer(&address)) = 1
		},
		"panic":   func() { panic("bomb") },
		"sigstop": func() { _ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGSTOP); time.Sleep(20 * time.Second) },
		"sigkill": func() { _ = unix.Tgkill(os.Getpid(), unix.Gettid(), unix.SIGKILL) },
		"late":    func() { _, _ = os.Stdin.Read(make([]byte, 1)); _, _ = os.Stdout.Write([]byte("ok\n")) },
		"deaf":    func() { time.Sleep(20 * time.Second) },
		"forge":   func() { _, _ = os.Stderr.WriteString("\x1b[2Jverdict: ok\n"); os.Exit(2) },
		"closeout": func() {
			_ = unix.Close(1)
		},
		"hold": func() { time.Sleep(time.Minute) }, // deaf to the end of its input: only a signal ends it
	}
}

func waitForEnd() { _, _ = os.Stdin.Read(make([]byte, 1)) }

func heapBomb() {
	var kept [][]byte
	for range bombSize >> 20 {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
	}
	runtime.KeepAlive(kept)
}

func mapped(size, flags int) error {
	_, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, flags)
	return err
}

func recurse(n int) int {
	var pad [256]byte
	if n == 0 {
		return 0
	}
	pad[n%256] = 1
	return recurse(n-1) + int(pad[(n+1)%256])
}

// threadBomb starts 200 threads that all stay in a system call.
func threadBomb() {
	var started sync.WaitGroup
	for range 200 {
		started.Add(1)
		go func() {
			runtime.LockOSThread()
			started.Done()
			select {}
		}()
	}
	started.Wait()
	time.Sleep(20 * time.Second)
}

// give ends the process as the Go runtime does when the kernel gives it no more memory.
func give(err error) {
	if err != nil {
		panic(err)
	}
}
