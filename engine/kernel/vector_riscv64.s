//go:build !purego

#include "textflag.h"
#include "rvv_riscv64.h"

// The constants of exp, in its order: log2e, roundMagic, ln2Hi, ln2Lo, and 1/n! from n = 0 on; 1/1! is left out.
DATA expTable<>+0(SB)/8, $0x3ff71547652b82fe
DATA expTable<>+8(SB)/8, $0x4338000000000000
DATA expTable<>+16(SB)/8, $0x3fe62e42fefa0000
DATA expTable<>+24(SB)/8, $0x3d7cf79abc9e3b39
DATA expTable<>+32(SB)/8, $0x3ff0000000000000
DATA expTable<>+40(SB)/8, $0x3fe0000000000000
DATA expTable<>+48(SB)/8, $0x3fc5555555555555
DATA expTable<>+56(SB)/8, $0x3fa5555555555555
DATA expTable<>+64(SB)/8, $0x3f81111111111111
DATA expTable<>+72(SB)/8, $0x3f56c16c16c16c17
DATA expTable<>+80(SB)/8, $0x3f2a01a01a01a01a
DATA expTable<>+88(SB)/8, $0x3efa01a01a01a01a
DATA expTable<>+96(SB)/8, $0x3ec71de3a556c734
DATA expTable<>+104(SB)/8, $0x4024000000000000 // 10
DATA expTable<>+112(SB)/8, $0xc024000000000000
GLOBL expTable<>(SB), RODATA|NOPTR, $120

// F8 to F22, in the table's order, X9 and X8 are used by EXP.
#define EXPCONSTANTS \
	MOV  $expTable<>(SB), X5 \
	MOVD 0(X5), F8    \
	MOVD 8(X5), F9    \
	MOVD 16(X5), F10  \
	MOVD 24(X5), F11  \
	MOVD 32(X5), F12  \
	MOVD 40(X5), F13  \
	MOVD 48(X5), F14  \
	MOVD 56(X5), F15  \
	MOVD 64(X5), F16  \
	MOVD 72(X5), F17  \
	MOVD 80(X5), F18  \
	MOVD 88(X5), F19  \
	MOVD 96(X5), F20  \
	MOVD 104(X5), F21 \
	MOVD 112(X5), F22 \
	MOV  $1023, X9    \
	MOV  $52, X8

// P = C0 + V4*C1
#define PAIR(C0, C1, P) \
	VFMULVF C1, V4, P \
	VFADDVF C0, P, P

// V20 = exp(V4) by the steps of exp, of 64-bit floats: x is V4, then r; r2 is V12, r4 V16. The low bits of V8 are k.
#define EXP \
	VFMULVF F8, V4, V8     \
	VFADDVF F9, V8, V8     \
	VFSUBVF F9, V8, V12    \
	VFMULVF F10, V12, V16  \
	VFSUBVV V16, V4, V4    \
	VFMULVF F11, V12, V16  \
	VFSUBVV V16, V4, V4    \
	VFMULVV V4, V4, V12    \
	VFMULVV V12, V12, V16  \
	VFADDVF F12, V4, V20   \
	PAIR(F13, F14, V24)    \
	VFMULVV V12, V24, V24  \
	VFADDVV V24, V20, V20  \
	PAIR(F17, F18, V28)    \
	VFMULVV V12, V28, V28  \
	PAIR(F15, F16, V24)    \
	VFADDVV V28, V24, V24  \
	PAIR(F19, F20, V28)    \
	VFMULVV V16, V28, V28  \
	VFADDVV V28, V24, V24  \
	VFMULVV V16, V24, V24  \
	VFADDVV V24, V20, V20  \
	VADDVX  X9, V8, V8     \
	VSLLVX  X8, V8, V8     \
	VFMULVV V8, V20, V20

// func expsRVV(x *float32, n int, sub float32) int
// The arguments stay in V2, and replace or clear at the end what is outside the range of exp.
TEXT ·expsRVV(SB), NOSPLIT, $0-32
	MOV   x+0(FP), X10
	MOV   n+8(FP), X11
	MOV   X11, ret+24(FP)
	MOVF  sub+16(FP), F0
	EXPCONSTANTS
	MOV   $0x42b20000, X5 // 89
	FMVWX X5, F1
	MOV   $0xc2d00000, X5 // -104
	FMVWX X5, F2
	MOV   $0x7f800000, X5
	FMVWX X5, F3
	FMVWX X0, F4

loop:
	VSETVLI    X11, E32, M2, TA, MA, X12
	VLE32V     (X10), V2
	VFSUBVF    F0, V2, V2
	VFWCVTFFV  V2, V4
	VSETVLI    X11, E64, M4, TA, MA, X12
	EXP
	VSETVLI    X11, E32, M2, TA, MA, X12
	VFNCVTFFW  V20, V4
	VMFGTVF    F1, V2, V0
	VFMERGEVFM F3, V4, V0, V4
	VMFLTVF    F2, V2, V0
	VFMERGEVFM F4, V4, V0, V4
	VMFNEVV    V2, V2, V0
	VMERGEVVM  V2, V4, V0, V4
	VSE32V     V4, (X10)
	SUB        X12, X11
	SLLI       $2, X12
	ADD        X12, X10
	BNEZ       X11, loop
	RET

// func softCapRVV(x *float32, n int, c float32) int
TEXT ·softCapRVV(SB), NOSPLIT, $0-32
	MOV    x+0(FP), X10
	MOV    n+8(FP), X11
	MOV    X11, ret+24(FP)
	MOVF   c+16(FP), F0
	FCVTDS F0, F0
	EXPCONSTANTS

loop:
	VSETVLI   X11, E32, M2, TA, MA, X12
	VLE32V    (X10), V2
	VFWCVTFFV V2, V4
	VSETVLI   X11, E64, M4, TA, MA, X12
	VFDIVVF   F0, V4, V4
	VFMINVF   F21, V4, V4
	VFMAXVF   F22, V4, V4
	VFADDVV   V4, V4, V4
	EXP
	VFSUBVF   F12, V20, V24
	VFADDVF   F12, V20, V20
	VFDIVVV   V20, V24, V20
	VFMULVF   F0, V20, V20
	VSETVLI   X11, E32, M2, TA, MA, X12
	VFNCVTFFW V20, V4
	VMFNEVV   V2, V2, V0
	VMERGEVVM V2, V4, V0, V4
	VSE32V    V4, (X10)
	SUB       X12, X11
	SLLI      $2, X12
	ADD       X12, X10
	BNEZ      X11, loop
	RET

// func topRVV(x *float32, n int) float32
// What is not a number is no maximum, unless it is the first element.
TEXT ·topRVV(SB), NOSPLIT, $0-20
	MOV   x+0(FP), X10
	MOV   n+8(FP), X11
	MOVF  (X10), F0
	FEQS  F0, F0, X12
	BEQZ  X12, done
	WORDS
	VFMVVF F0, V8

loop:
	VLE32V  (X10), V16
	VFMAXVV V16, V8, V8
	ADD     $64, X10
	ADD     $-16, X11
	BNEZ    X11, loop

	VFMVSF     F0, V16
	VFREDMAXVS V16, V8, V16
	VFMVFS     V16, F0

done:
	MOVF F0, ret+16(FP)
	RET

#define HALVE64(N) \
	VSETIVLI     $N, E64, M8, TA, MA, X0 \
	VSLIDEDOWNVI $N, V8, V16 \
	VFADDVV      V16, V8, V8

// Sums of float64 in 16 lanes, V8 to V15. ADD16 adds elements of V4 to the first lanes, and leaves the others alone.
#define SUM(NAME, ADD16, L) \
TEXT NAME(SB), NOSPLIT, $0-24                     \
	MOV      x+0(FP), X10                     \
	MOV      n+8(FP), X11                     \
	VSETIVLI $16, E64, M8, TA, MA, X0         \
	VMVVI    $0, V8                           \
	MOV      $16, X13                         \
L:                                                \
	MIN      X11, X13, X13                    \
	VSETVLI  X13, E32, M4, TU, MA, X12        \
	VLE32V   (X10), V4                        \
	ADD16                                     \
	ADD      $64, X10                         \
	SUB      X12, X11                         \
	BNEZ     X11, L                           \
	HALVE64(8)                                \
	HALVE64(4)                                \
	HALVE64(2)                                \
	HALVE64(1)                                \
	VFMVFS   V8, F0                           \
	MOVD     F0, ret+16(FP)                   \
	RET

#define PLAIN \
	VFWADDWV V4, V8, V8
#define SQUARE \
	VFWMACCVV V4, V4, V8 // squares are exact, so that they are rounded once anyway

// func sumRVV(x *float32, n int) float64
SUM(·sumRVV, PLAIN, loop)

// func squaresRVV(x *float32, n int) float64
SUM(·squaresRVV, SQUARE, loop)

// func scaleByRVV(dst, x, weight *float32, n int, f float32)
TEXT ·scaleByRVV(SB), NOSPLIT, $0-36
	MOV  dst+0(FP), X10
	MOV  x+8(FP), X11
	MOV  weight+16(FP), X12
	MOV  n+24(FP), X13
	MOVF f+32(FP), F0

loop:
	VSETVLI X13, E32, M8, TA, MA, X14
	VLE32V  (X11), V8
	VLE32V  (X12), V16
	VFMULVF F0, V8, V8
	VFMULVV V16, V8, V8
	VSE32V  V8, (X10)
	SUB     X14, X13
	SLLI    $2, X14
	ADD     X14, X10
	ADD     X14, X11
	ADD     X14, X12
	BNEZ    X13, loop
	RET

// func gatedRVV(e, gate, up *float32, n int)
TEXT ·gatedRVV(SB), NOSPLIT, $0-32
	MOV   e+0(FP), X10
	MOV   gate+8(FP), X11
	MOV   up+16(FP), X12
	MOV   n+24(FP), X13
	MOV   $0x3f800000, X14
	FMVWX X14, F0

loop:
	VSETVLI X13, E32, M8, TA, MA, X14
	VLE32V  (X10), V8
	VLE32V  (X11), V16
	VLE32V  (X12), V24
	VFADDVF F0, V8, V8
	VFDIVVV V8, V16, V8
	VFMULVV V24, V8, V8
	VSE32V  V8, (X10)
	SUB     X14, X13
	SLLI    $2, X14
	ADD     X14, X10
	ADD     X14, X11
	ADD     X14, X12
	BNEZ    X13, loop
	RET

// func multiplyRVV(x *float32, n int, f float32)
TEXT ·multiplyRVV(SB), NOSPLIT, $0-20
	MOV  x+0(FP), X10
	MOV  n+8(FP), X11
	MOVF f+16(FP), F0

loop:
	VSETVLI X11, E32, M8, TA, MA, X12
	VLE32V  (X10), V8
	VFMULVF F0, V8, V8
	VSE32V  V8, (X10)
	SUB     X12, X11
	SLLI    $2, X12
	ADD     X12, X10
	BNEZ    X11, loop
	RET

// func roundHalfRVV(dst, x *float32, n int)
// By the steps of roundHalf: magnitudes are V8, rounded by adding to their bits V16, and by adding 1/2 V24.
TEXT ·roundHalfRVV(SB), NOSPLIT, $0-24
	MOV   dst+0(FP), X10
	MOV   x+8(FP), X11
	MOV   n+16(FP), X12
	MOV   $0x7fffffff, X14
	MOV   $0xfff, X15
	MOV   $0x38800000, X16
	MOV   $0x7f7fffff, X17
	MOV   $~0x1fff, X18
	MOV   $0x3f000000, X19
	FMVWX X19, F0

loop:
	VSETVLI    X12, E32, M4, TA, MU, X13
	VLE32V     (X11), V4
	VANDVX     X14, V4, V8
	VSRLVI     $13, V8, V16
	VANDVI     $1, V16, V16
	VADDVX     X15, V16, V16
	VADDVV     V8, V16, V16
	VANDVX     X18, V16, V16
	VFADDVF    F0, V8, V24
	VFSUBVF    F0, V24, V24
	VMSLTUVX   X16, V8, V0
	VMERGEVVM  V24, V16, V0, V16
	VMSGTUVX   X17, V8, V0
	VMERGEVVM  V4, V16, V0, V16
	VFSGNJVV   V4, V16, V16
	VSE32V     V16, (X10)
	SUB        X13, X12
	SLLI       $2, X13
	ADD        X13, X10
	ADD        X13, X11
	BNEZ       X12, loop
	RET

// func roundBrainRVV(dst, x *float32, n int)
TEXT ·roundBrainRVV(SB), NOSPLIT, $0-24
	MOV dst+0(FP), X10
	MOV x+8(FP), X11
	MOV n+16(FP), X12
	MOV $0x7fff, X14
	MOV $~0xffff, X15

loop:
	VSETVLI   X12, E32, M8, TA, MU, X13
	VLE32V    (X11), V8
	VSRLVI    $16, V8, V16
	VANDVI    $1, V16, V16
	VADDVX    X14, V16, V16
	VADDVV    V8, V16, V16
	VANDVX    X15, V16, V16
	VMFNEVV   V8, V8, V0
	VMERGEVVM V8, V16, V0, V16
	VSE32V    V16, (X10)
	SUB       X13, X12
	SLLI      $2, X13
	ADD       X13, X10
	ADD       X13, X11
	BNEZ      X12, loop
	RET
