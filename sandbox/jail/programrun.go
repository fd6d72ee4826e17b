package jail

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/hallmark-ml/hallmark"
)

// A Program runs in its jail.
type Program struct {
	*Process
	control *net.UnixConn
	replies chan programReply
	heard   chan struct{} // closed when the control connection is over
	dialing sync.Mutex    // one at a time
}

// programReply is one packet of the first process.
type programReply struct {
	word byte
	text []byte
	file *os.File
}

// listen reads what the first process says, until it is gone.
func (p *Program) listen() {
	defer close(p.heard)
	defer close(p.replies)
	for {
		buf, oob := make([]byte, 4096), make([]byte, unix.CmsgSpace(4*4))
		n, oobn, _, _, err := p.control.ReadMsgUnix(buf, oob)
		if err != nil || n == 0 {
			return
		}
		file, err := takeDescriptor(oob[:oobn])
		if err != nil {
			p.Kill(hallmark.RunProtocolError, err.Error())
			return
		}
		if buf[0] == sayExited && n == 5 && file == nil {
			p.exited(syscall.WaitStatus(uint32(buf[1]) | uint32(buf[2])<<8 | uint32(buf[3])<<16 | uint32(buf[4])<<24))
			continue
		}
		select {
		case p.replies <- programReply{buf[0], buf[1:n], file}:
		case <-p.done:
			if file != nil {
				_ = file.Close() // nobody wants it any more
			}
			return
		}
	}
}

// takeDescriptor returns the one descriptor of a control message, if there is one. More are refused, and closed.
func takeDescriptor(oob []byte) (*os.File, error) {
	if len(oob) == 0 {
		return nil, nil //nolint:nilnil // most messages carry none
	}
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	var fds []int
	for i := range messages {
		got, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			return nil, err
		}
		fds = append(fds, got...)
	}
	if len(fds) != 1 {
		for _, fd := range fds {
			_ = unix.Close(fd) // of nobody
		}
		return nil, fmt.Errorf("the first process of the jail sends %d descriptors", len(fds))
	}
	unix.CloseOnExec(fds[0])
	return os.NewFile(uintptr(fds[0]), "received"), nil
}

// exited ends a jail whose program ended by itself, which no server does that was not asked to.
func (p *Program) exited(s syscall.WaitStatus) {
	switch {
	case s.Signaled() && s.Signal() == syscall.SIGSYS:
		p.Kill(hallmark.RunPolicyViolation, "the program made a system call of another architecture")
	case s.Signaled() && s.Signal() == syscall.SIGXCPU:
		p.Kill(hallmark.RunCPULimit, fmt.Sprintf("the program used more than %v of processor time", p.limits.CPU))
	case s.Signaled() && p.group.outOfMemory():
		p.Kill(hallmark.RunMemoryLimit, fmt.Sprintf("the kernel ended the program at its limit of %d bytes of memory", p.limits.Memory))
	case s.Signaled():
		p.Kill(hallmark.RunCrash, fmt.Sprintf("the program was killed by signal %d, %v", int(s.Signal()), s.Signal()))
	default:
		p.Kill(hallmark.RunCrash, fmt.Sprintf("the program ended with status %d", s.ExitStatus()))
	}
}

// Limits returns the limits as they were applied, as a run record has them.
func (p *Program) Limits() map[string]string {
	m := p.Process.Limits()
	maps.Copy(m, map[string]string{"descriptors": strconv.Itoa(maxProgramDescriptors), "processes": strconv.Itoa(MaxProcesses)})
	delete(m, "threads")
	return m
}

// Dial connects to the program's port. A program that does not listen yet gives [syscall.ECONNREFUSED]; one that is
// gone, its [*RunError]. What is read over all connections between two writes counts as one reply, as of [Process.Read].
func (p *Program) Dial(ctx context.Context) (net.Conn, error) {
	p.dialing.Lock()
	defer p.dialing.Unlock()
	if _, err := p.control.Write([]byte{askDial}); err != nil {
		return nil, p.gone()
	}
	// Loopback answers at once, whatever the program does; a context that ends meanwhile need not be looked at.
	r, ok := <-p.replies
	switch {
	case !ok:
		return nil, p.gone()
	case r.word == sayRefused && r.file == nil:
		return nil, fmt.Errorf("connect to the program: %w", errors.Join(syscall.ECONNREFUSED, ctx.Err()))
	case r.word != sayConnected || r.file == nil:
		p.Kill(hallmark.RunProtocolError, "the first process of the jail gives no connection")
		return nil, p.gone()
	}
	defer r.file.Close() // net.FileConn has its own
	conn, err := net.FileConn(r.file)
	if err != nil {
		return nil, fmt.Errorf("connect to the program: %w", err)
	}
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		p.Kill(hallmark.RunProtocolError, "the first process of the jail gives a descriptor that is no connection")
		return nil, errors.Join(p.gone(), conn.Close())
	}
	return programConn{tcp, p.Process}, tcp.SetNoDelay(true)
}

// gone waits for the end of a jail that is ending, and says how it ended.
func (p *Program) gone() error {
	p.Kill(hallmark.RunCrash, "the first process of the jail does not answer")
	return p.Wait().Err()
}

// programConn counts what a program sends.
type programConn struct {
	*net.TCPConn
	p *Process
}

func (c programConn) Write(b []byte) (int, error) {
	c.p.ExpectReply()
	n, err := c.TCPConn.Write(b)
	return n, errors.Join(err, c.acknowledge())
}

// acknowledge has the kernel acknowledge the reply's packets at once: a server that sends a head and then a body often
// waits for that, 40 ms each time.
func (c programConn) acknowledge() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var setErr error
	err = raw.Control(func(fd uintptr) { setErr = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) })
	return errors.Join(err, setErr)
}

func (c programConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	if countErr := c.p.countReply(n); countErr != nil {
		return 0, countErr
	}
	return n, err
}

// Stop ends the program and everything that it started, and returns how the run went: well if nothing had ended it before.
func (p *Program) Stop() Exit {
	p.mu.Lock()
	p.closing = true
	p.mu.Unlock()
	return p.end()
}

// end ends the first process, which takes the whole pid namespace with it.
func (p *Program) end() Exit {
	_ = p.control.CloseWrite() // the first process ends on that
	timer := time.AfterFunc(endTime, func() {
		p.Kill(hallmark.RunInfraError, fmt.Sprintf("the first process of the jail did not end after %v", endTime))
	})
	defer timer.Stop()
	exit := p.Wait()
	_ = p.control.Close() // there is nobody at the other end
	_ = p.status.Close()  // the watchdog looks at all processes
	<-p.heard
	p.watched.Wait()
	return exit
}
