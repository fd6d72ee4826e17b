//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"

// The constants of exp, in its order: log2e, roundMagic, ln2Hi, ln2Lo, and 1/n! from n = 0 on; 1/1! is left out. Then what
// is added to an exponent.
DATA exponential<>+0(SB)/8, $0x3ff71547652b82fe
DATA exponential<>+8(SB)/8, $0x4338000000000000
DATA exponential<>+16(SB)/8, $0x3fe62e42fefa0000
DATA exponential<>+24(SB)/8, $0x3d7cf79abc9e3b39
DATA exponential<>+32(SB)/8, $0x3ff0000000000000
DATA exponential<>+40(SB)/8, $0x3fe0000000000000
DATA exponential<>+48(SB)/8, $0x3fc5555555555555
DATA exponential<>+56(SB)/8, $0x3fa5555555555555
DATA exponential<>+64(SB)/8, $0x3f81111111111111
DATA exponential<>+72(SB)/8, $0x3f56c16c16c16c17
DATA exponential<>+80(SB)/8, $0x3f2a01a01a01a01a
DATA exponential<>+88(SB)/8, $0x3efa01a01a01a01a
DATA exponential<>+96(SB)/8, $0x3ec71de3a556c734
DATA exponential<>+104(SB)/8, $1023
GLOBL exponential<>(SB), RODATA|NOPTR, $112

// V16 to V29 are those constants.
#define CONSTANTS \
	MOVD     $exponential<>(SB), R3 \
	VLD1R.P  8(R3), [V16.D2]        \
	VLD1R.P  8(R3), [V17.D2]        \
	VLD1R.P  8(R3), [V18.D2]        \
	VLD1R.P  8(R3), [V19.D2]        \
	VLD1R.P  8(R3), [V20.D2]        \
	VLD1R.P  8(R3), [V21.D2]        \
	VLD1R.P  8(R3), [V22.D2]        \
	VLD1R.P  8(R3), [V23.D2]        \
	VLD1R.P  8(R3), [V24.D2]        \
	VLD1R.P  8(R3), [V25.D2]        \
	VLD1R.P  8(R3), [V26.D2]        \
	VLD1R.P  8(R3), [V27.D2]        \
	VLD1R.P  8(R3), [V28.D2]        \
	VLD1R    (R3), [V29.D2]

// P = lower coefficient + X * higher one
#define PAIR(LOWER, HIGHER, X, P) \
	FMULD(HIGHER, X, P)   \
	FADDD(LOWER, P, P)

// X = exp(X) of two float64, by the steps of exp: X becomes r, A r2 and B r4. The low bits of K are k. Nothing is fused.
#define EXP(X, K, A, B, C, D, E) \
	FMULD(16, X, A)       \
	FADDD(17, A, K)       \
	FSUBD(17, K, A)       \
	FMULD(18, A, B)       \
	FMULD(19, A, A)       \
	FSUBD(B, X, X)        \
	FSUBD(A, X, X)        \
	FMULD(X, X, A)        \
	FMULD(A, A, B)        \
	FADDD(X, 20, C)       \
	PAIR(21, 22, X, D)    \
	FMULD(A, D, D)        \
	FADDD(D, C, C)        \
	PAIR(23, 24, X, D)    \
	PAIR(25, 26, X, E)    \
	FMULD(A, E, E)        \
	FADDD(E, D, D)        \
	PAIR(27, 28, X, E)    \
	FMULD(B, E, E)        \
	FADDD(E, D, D)        \
	FMULD(B, D, D)        \
	FADDD(D, C, C)        \
	ADDD(29, K, K)        \
	SHLD(52, K, K)        \
	FMULD(K, C, X)

// func expsNEON(x *float32, n int, sub float32)
// Four at a time. The arguments stay in V14, and replace or clear at the end what is outside the range of exp.
TEXT ·expsNEON(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	CONSTANTS
	FMOVS sub+16(FP), F15
	VDUP  V15.S[0], V15.S4
	VMOVS $0x42b20000, V30 // 89
	VDUP  V30.S[0], V30.S4
	VMOVS $0xc2d00000, V31 // -104
	VDUP  V31.S[0], V31.S4

loop:
	FMOVQ   (R0), F14
	FSUB(15, 14, 14)
	FCVTLS(14, 0)
	FCVTL2S(14, 7)
	EXP(0, 1, 2, 3, 4, 5, 6)
	EXP(7, 8, 9, 10, 11, 12, 13)
	FCVTND(0, 0)
	FCVTN2D(7, 0)
	VMOVS   $0x7f800000, V1
	VDUP    V1.S[0], V1.S4
	FCMGT(30, 14, 2)
	BIT(2, 1, 0)
	FCMGT(14, 31, 2)
	BIC(2, 0, 0)
	FCMEQ(14, 14, 2)
	BSL(14, 0, 2)
	FMOVQ.P F2, 16(R0)
	SUB     $4, R1
	CBNZ    R1, loop
	RET

// One of SoftCap's pairs: C tanh(X / C), with the constants 10 and -10 in V30 and V31 and C in V15.
#define CAP(X, K, A, B, C, D, E) \
	FDIVD(15, X, X)       \
	FMIND(30, X, X)       \
	FMAXD(31, X, X)       \
	FADDD(X, X, X)        \
	EXP(X, K, A, B, C, D, E) \
	FSUBD(20, X, A)       \
	FADDD(20, X, B)       \
	FDIVD(B, A, A)        \
	FMULD(15, A, X)

// func softCapNEON(x *float32, n int, c float32)
TEXT ·softCapNEON(SB), NOSPLIT, $0-20
	MOVD   x+0(FP), R0
	MOVD   n+8(FP), R1
	CONSTANTS
	FMOVS  c+16(FP), F15
	FCVTSD F15, F15
	VDUP   V15.D[0], V15.D2
	FMOVD  $10.0, F30
	VDUP   V30.D[0], V30.D2
	FMOVD  $-10.0, F31
	VDUP   V31.D[0], V31.D2

loop:
	FMOVQ   (R0), F14
	FCVTLS(14, 0)
	FCVTL2S(14, 7)
	CAP(0, 1, 2, 3, 4, 5, 6)
	CAP(7, 8, 9, 10, 11, 12, 13)
	FCVTND(0, 0)
	FCVTN2D(7, 0)
	FCMEQ(14, 14, 2)
	BSL(14, 0, 2)
	FMOVQ.P F2, 16(R0)
	SUB     $4, R1
	CBNZ    R1, loop
	RET

// TOP = X where that is greater, which nothing is that is not a number. Uses V7.
#define GREATER(X, TOP) \
	FCMGT(TOP, X, 7)  \
	BIT(7, X, TOP)

// func topNEON(x *float32, n int) float32
TEXT ·topNEON(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	VLD1R (R0), [V0.S4]
	COPY(0, 1)

loop:
	FLDPQ.P 32(R0), (F2, F3)
	FLDPQ.P 32(R0), (F4, F5)
	GREATER(2, 0)
	GREATER(3, 1)
	GREATER(4, 0)
	GREATER(5, 1)
	SUB     $16, R1
	CBNZ    R1, loop
	GREATER(1, 0)
	VEXT    $8, V0.B16, V0.B16, V1.B16
	GREATER(1, 0)
	VEXT    $4, V0.B16, V0.B16, V1.B16
	GREATER(1, 0)
	FMOVS   F0, ret+16(FP)
	RET

#define PLAIN(D)
#define SQUARE(D) FMULD(D, D, D)

#define QUARTER(F, X, A, B) \
	FCVTLS(X, 20)   \
	FCVTL2S(X, 21)  \
	F(20)           \
	F(21)           \
	FADDD(20, A, A) \
	FADDD(21, B, B)

#define ELEMENTS16(F, R) \
	LDQ2(0, R, 16, 17)  \
	LDQ2(32, R, 18, 19) \
	QUARTER(F, 16, 0, 1) \
	QUARTER(F, 17, 2, 3) \
	QUARTER(F, 18, 4, 5) \
	QUARTER(F, 19, 6, 7)

// Sums of float64 in 16 lanes, V0 to V7, of any number of elements. What lacks at the end is 0 in a copy of them, which
// changes nothing, since no lane is negative.
#define SUM(NAME, F) \
TEXT NAME(SB), NOSPLIT, $64-24   \
	MOVD  x+0(FP), R0        \
	MOVD  n+8(FP), R1        \
	ZERO(0)                  \
	ZERO(1)                  \
	ZERO(2)                  \
	ZERO(3)                  \
	ZERO(4)                  \
	ZERO(5)                  \
	ZERO(6)                  \
	ZERO(7)                  \
	SUBS  $16, R1            \
	BLT   rest               \
loop:                            \
	ELEMENTS16(F, 0)         \
	ADD   $64, R0            \
	SUBS  $16, R1            \
	BGE   loop               \
rest:                            \
	ADDS  $16, R1            \
	BEQ   done               \
	MOVD  $last-64(SP), R2   \
	MOVD  R2, R3             \
	STP   (ZR, ZR), (R2)     \
	STP   (ZR, ZR), 16(R2)   \
	STP   (ZR, ZR), 32(R2)   \
	STP   (ZR, ZR), 48(R2)   \
copy:                            \
	MOVWU.P 4(R0), R4        \
	MOVW.P  R4, 4(R3)        \
	SUBS  $1, R1             \
	BNE   copy               \
	ELEMENTS16(F, 2)         \
done:                            \
	FADDD(4, 0, 0)           \
	FADDD(5, 1, 1)           \
	FADDD(6, 2, 2)           \
	FADDD(7, 3, 3)           \
	FADDD(2, 0, 0)           \
	FADDD(3, 1, 1)           \
	FADDD(1, 0, 0)           \
	FADDPD(0, 0)             \
	FMOVD F0, ret+16(FP)     \
	RET

// func sumNEON(x *float32, n int) float64
SUM(·sumNEON, PLAIN)

// func squaresNEON(x *float32, n int) float64
SUM(·squaresNEON, SQUARE)

// func scaleByNEON(dst, x, weight *float32, n int, f float32)
TEXT ·scaleByNEON(SB), NOSPLIT, $0-36
	MOVD  dst+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  weight+16(FP), R2
	MOVD  n+24(FP), R3
	FMOVS f+32(FP), F16

loop:
	FLDPQ.P 32(R1), (F0, F1)
	FLDPQ.P 32(R2), (F2, F3)
	FMULE(0, 16, 0, 0)
	FMULE(0, 16, 1, 1)
	FMUL(2, 0, 0)
	FMUL(3, 1, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUB     $8, R3
	CBNZ    R3, loop
	RET

// func gatedNEON(e, gate, up *float32, n int)
TEXT ·gatedNEON(SB), NOSPLIT, $0-32
	MOVD  e+0(FP), R0
	MOVD  gate+8(FP), R1
	MOVD  up+16(FP), R2
	MOVD  n+24(FP), R3
	FMOVS $1.0, F16
	VDUP  V16.S[0], V16.S4

loop:
	FLDPQ   (R0), (F0, F1)
	FLDPQ.P 32(R1), (F2, F3)
	FLDPQ.P 32(R2), (F4, F5)
	FADD(0, 16, 0)
	FADD(1, 16, 1)
	FDIV(0, 2, 0)
	FDIV(1, 3, 1)
	FMUL(4, 0, 0)
	FMUL(5, 1, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUB     $8, R3
	CBNZ    R3, loop
	RET

// func multiplyNEON(x *float32, n int, f float32)
TEXT ·multiplyNEON(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	FMOVS f+16(FP), F16

loop:
	FLDPQ   (R0), (F0, F1)
	FMULE(0, 16, 0, 0)
	FMULE(0, 16, 1, 1)
	FSTPQ.P (F0, F1), 32(R0)
	SUB     $8, R1
	CBNZ    R1, loop
	RET

#define CONSTANT(VALUE, V, V4) \
	VMOVS $VALUE, V     \
	VDUP  V.S[0], V4

// func roundHalfNEON(dst, x *float32, n int)
// By the steps of roundHalf: magnitudes are V0, rounded by adding to their bits V2, and by adding 1/2 V3.
TEXT ·roundHalfNEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	CONSTANT(0x7fffffff, V16, V16.S4)
	CONSTANT(0xfff, V17, V17.S4)
	CONSTANT(1, V18, V18.S4)
	CONSTANT(0xffffe000, V19, V19.S4)
	CONSTANT(0x3f000000, V20, V20.S4)
	CONSTANT(0x38800000, V21, V21.S4)
	CONSTANT(0x7f7fffff, V22, V22.S4)

loop:
	FMOVQ.P 16(R1), F1
	ANDB(16, 1, 0)
	SHRS(13, 0, 2)
	ANDB(18, 2, 2)
	ADDINT(17, 2, 2)
	ADDINT(0, 2, 2)
	ANDB(19, 2, 2)
	FADD(20, 0, 3)
	FSUB(20, 3, 3)
	CMGT(0, 21, 4) // small
	BIT(4, 3, 2)
	BIC(16, 1, 5)
	ORB(5, 2, 2)
	CMGT(22, 0, 4) // not finite
	BIT(4, 1, 2)
	FMOVQ.P F2, 16(R0)
	SUB     $4, R2
	CBNZ    R2, loop
	RET

// func roundBrainNEON(dst, x *float32, n int)
TEXT ·roundBrainNEON(SB), NOSPLIT, $0-24
	MOVD dst+0(FP), R0
	MOVD x+8(FP), R1
	MOVD n+16(FP), R2
	CONSTANT(0x7fff, V17, V17.S4)
	CONSTANT(1, V18, V18.S4)
	CONSTANT(0xffff0000, V19, V19.S4)

loop:
	FMOVQ.P 16(R1), F1
	SHRS(16, 1, 2)
	ANDB(18, 2, 2)
	ADDINT(17, 2, 2)
	ADDINT(1, 2, 2)
	ANDB(19, 2, 2)
	FCMEQ(1, 1, 4)
	BSL(1, 2, 4)
	FMOVQ.P F4, 16(R0)
	SUB     $4, R2
	CBNZ    R2, loop
	RET
