#include "textflag.h"

// func cloneShared(trap, a1, a2, alive uintptr, c *child) int
TEXT ·cloneShared(SB), NOSPLIT|NOFRAME, $0-48
	MOVD trap+0(FP), R8
	MOVD a1+8(FP), R0
	MOVD a2+16(FP), R1
	MOVD ZR, R2
	MOVD ZR, R3
	MOVD alive+24(FP), R4
	MOVD c+32(FP), R20
	SVC
	CBZ  R0, child
	MOVD R0, ret+40(FP)
	RET

child:
	MOVD R20, 8(RSP)
	BL   ·runChild(SB)
	UNDEF
