#include "textflag.h"

// func cloneShared(trap, a1, a2, alive uintptr, c *child) int
TEXT ·cloneShared(SB), NOSPLIT, $0-48
	MOVQ trap+0(FP), AX
	MOVQ a1+8(FP), DI
	MOVQ a2+16(FP), SI
	XORL DX, DX
	MOVQ alive+24(FP), R10
	XORL R8, R8
	MOVQ c+32(FP), R12
	SYSCALL
	TESTQ AX, AX
	JEQ  child
	MOVQ AX, ret+40(FP)
	RET

child:
	MOVQ R12, 0(SP)
	CALL ·runChild(SB)
	INT  $3
