#include "textflag.h"

// func cloneShared(trap, a1, a2, alive uintptr, c *child) int
TEXT ·cloneShared(SB), NOSPLIT|NOFRAME, $0-48
	MOV  trap+0(FP), A7
	MOV  a1+8(FP), A0
	MOV  a2+16(FP), A1
	MOV  ZERO, A2
	MOV  ZERO, A3
	MOV  alive+24(FP), A4
	MOV  c+32(FP), S2
	ECALL
	BEQ  A0, ZERO, child
	MOV  A0, ret+40(FP)
	RET

child:
	MOV  S2, 8(X2)
	CALL ·runChild(SB)
	EBREAK
