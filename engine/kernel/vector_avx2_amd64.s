//go:build !purego

#include "textflag.h"

// The constants of exp, in its order: log2e, roundMagic, ln2Hi, ln2Lo, and 1/n! from n = 0 on; 1/1! is left out. Then what
// is added to an exponent, and where float32 end.
DATA ·expTable+0(SB)/8, $0x3ff71547652b82fe
DATA ·expTable+8(SB)/8, $0x4338000000000000
DATA ·expTable+16(SB)/8, $0x3fe62e42fefa0000
DATA ·expTable+24(SB)/8, $0x3d7cf79abc9e3b39
DATA ·expTable+32(SB)/8, $0x3ff0000000000000
DATA ·expTable+40(SB)/8, $0x3fe0000000000000
DATA ·expTable+48(SB)/8, $0x3fc5555555555555
DATA ·expTable+56(SB)/8, $0x3fa5555555555555
DATA ·expTable+64(SB)/8, $0x3f81111111111111
DATA ·expTable+72(SB)/8, $0x3f56c16c16c16c17
DATA ·expTable+80(SB)/8, $0x3f2a01a01a01a01a
DATA ·expTable+88(SB)/8, $0x3efa01a01a01a01a
DATA ·expTable+96(SB)/8, $0x3ec71de3a556c734
DATA ·expTable+104(SB)/8, $1023
DATA ·expTable+112(SB)/8, $0x4024000000000000
DATA ·expTable+120(SB)/8, $0xc024000000000000
DATA ·expTable+128(SB)/4, $89.0
DATA ·expTable+132(SB)/4, $-104.0
DATA ·expTable+136(SB)/4, $0x7f800000
DATA ·expTable+140(SB)/4, $1.0
GLOBL ·expTable(SB), RODATA|NOPTR, $144

// P = C0 + Y0*C1
#define PAIR(C0, C1, P) \
	VBROADCASTSD ·expTable+C1(SB), P   \
	VBROADCASTSD ·expTable+C0(SB), Y9  \
	VMULPD       Y0, P, P           \
	VADDPD       Y9, P, P

// Y4 = exp(Y0) by the steps of exp: x is Y0, then r; r2 is Y1, r4 Y3. Y14 holds roundMagic, Y15 what is added to
// exponents. The low bits of Y2 are k.
#define EXP \
	VBROADCASTSD ·expTable+0(SB), Y1 \
	VMULPD       Y0, Y1, Y1       \
	VADDPD       Y14, Y1, Y2      \
	VSUBPD       Y14, Y2, Y1      \
	VBROADCASTSD ·expTable+16(SB), Y3 \
	VBROADCASTSD ·expTable+24(SB), Y4 \
	VMULPD       Y1, Y3, Y3       \
	VMULPD       Y1, Y4, Y4       \
	VSUBPD       Y3, Y0, Y0       \
	VSUBPD       Y4, Y0, Y0       \
	VMULPD       Y0, Y0, Y1       \
	VMULPD       Y1, Y1, Y3       \
	VBROADCASTSD ·expTable+32(SB), Y4 \
	VADDPD       Y0, Y4, Y4       \
	PAIR(40, 48, Y5)              \
	PAIR(56, 64, Y6)              \
	PAIR(72, 80, Y7)              \
	PAIR(88, 96, Y8)              \
	VMULPD       Y1, Y5, Y5       \
	VADDPD       Y5, Y4, Y4       \
	VMULPD       Y1, Y7, Y7       \
	VADDPD       Y7, Y6, Y6       \
	VMULPD       Y3, Y8, Y8       \
	VADDPD       Y8, Y6, Y6       \
	VMULPD       Y3, Y6, Y6       \
	VADDPD       Y6, Y4, Y4       \
	VPADDQ       Y15, Y2, Y2      \
	VPSLLQ       $52, Y2, Y2      \
	VMULPD       Y2, Y4, Y4

// func expsAVX2(x *float32, n int, sub float32)
// Four at a time. The arguments stay in X10, and replace or clear at the end what is outside the range of exp.
TEXT ·expsAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSD ·expTable+8(SB), Y14
	VBROADCASTSS ·expTable+128(SB), X11
	VBROADCASTSS ·expTable+132(SB), X12
	VBROADCASTSS ·expTable+136(SB), X13
	VBROADCASTSD ·expTable+104(SB), Y15

loop:
	VBROADCASTSS sub+16(FP), X10
	VMOVUPS      (SI), X0
	VSUBPS       X10, X0, X10
	VCVTPS2PD    X10, Y0
	EXP
	VCVTPD2PSY   Y4, X4
	VCMPPS       $0x1e, X11, X10, X5 // greater
	VBLENDVPS    X5, X13, X4, X4
	VCMPPS       $0x11, X12, X10, X5 // less
	VANDNPS      X4, X5, X4
	VCMPPS       $0x03, X10, X10, X5 // not a number
	VBLENDVPS    X5, X10, X4, X4
	VMOVUPS      X4, (SI)
	ADDQ         $16, SI
	SUBQ         $4, CX
	JGT          loop
	VZEROUPPER
	RET

// func softCapAVX2(x *float32, n int, c float32)
TEXT ·softCapAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS c+16(FP), X13
	VCVTPS2PD    X13, Y13
	VBROADCASTSD ·expTable+8(SB), Y14
	VBROADCASTSD ·expTable+112(SB), Y11
	VBROADCASTSD ·expTable+120(SB), Y12
	VBROADCASTSD ·expTable+104(SB), Y15

loop:
	VMOVUPS      (SI), X10
	VCVTPS2PD    X10, Y0
	VDIVPD       Y13, Y0, Y0
	VMINPD       Y11, Y0, Y0
	VMAXPD       Y12, Y0, Y0
	VADDPD       Y0, Y0, Y0
	EXP
	VBROADCASTSD ·expTable+32(SB), Y5
	VSUBPD       Y5, Y4, Y6
	VADDPD       Y5, Y4, Y4
	VDIVPD       Y4, Y6, Y4
	VMULPD       Y13, Y4, Y4
	VCVTPD2PSY   Y4, X4
	VCMPPS       $0x03, X10, X10, X5 // not a number
	VBLENDVPS    X5, X10, X4, X4
	VMOVUPS      X4, (SI)
	ADDQ         $16, SI
	SUBQ         $4, CX
	JGT          loop
	VZEROUPPER
	RET

// func topAVX2(x *float32, n int) float32
// VMAXPS takes its last argument, here what was the largest so far, unless the other is larger.
TEXT ·topAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Y0
	VMOVAPS      Y0, Y1

loop:
	VMOVUPS (SI), Y2
	VMOVUPS 32(SI), Y3
	VMAXPS  Y0, Y2, Y0
	VMAXPS  Y1, Y3, Y1
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGT     loop

	VMAXPS       Y0, Y1, Y0
	VEXTRACTF128 $1, Y0, X1
	VMAXPS       X0, X1, X0
	VPSRLDQ      $8, X0, X1
	VMAXPS       X0, X1, X0
	VMOVSHDUP    X0, X1
	VMAXSS       X0, X1, X0
	VMOVSS       X0, ret+16(FP)
	VZEROUPPER
	RET

DATA ascending<>+0(SB)/8, $0x0000000100000000
DATA ascending<>+8(SB)/8, $0x0000000300000002
DATA ascending<>+16(SB)/8, $0x0000000500000004
DATA ascending<>+24(SB)/8, $0x0000000700000006
GLOBL ascending<>(SB), RODATA|NOPTR, $32

#define PLAIN(Y)
#define SQUARE(Y) \
	VMULPD Y, Y, Y

#define QUARTER(OFF, X, Y, F, ACC) \
	VCVTPS2PD X, Y   \
	F(Y)             \
	VADDPD    Y, ACC, ACC

// Sums of float64 in 16 lanes, Y0 to Y3, of any number of elements; adding 0 for what lacks at the end changes nothing, since
// no lane is negative.
#define SUM(NAME, F, L1, L2, L3) \
TEXT NAME(SB), NOSPLIT, $0-24            \
	MOVQ         x+0(FP), SI         \
	MOVQ         n+8(FP), CX         \
	VXORPD       Y0, Y0, Y0          \
	VXORPD       Y1, Y1, Y1          \
	VXORPD       Y2, Y2, Y2          \
	VXORPD       Y3, Y3, Y3          \
	SUBQ         $16, CX             \
	JLT          L2                  \
L1:                                      \
	VMOVUPS      (SI), Y8            \
	VMOVUPS      32(SI), Y9          \
	VEXTRACTF128 $1, Y8, X10         \
	VEXTRACTF128 $1, Y9, X11         \
	QUARTER(0, X8, Y4, F, Y0)        \
	QUARTER(16, X10, Y5, F, Y1)      \
	QUARTER(32, X9, Y6, F, Y2)       \
	QUARTER(48, X11, Y7, F, Y3)      \
	ADDQ         $64, SI             \
	SUBQ         $16, CX             \
	JGE          L1                  \
L2:                                      \
	ADDQ         $16, CX             \
	JZ           L3                  \
	VMOVD        CX, X12             \
	VPBROADCASTD X12, Y12            \
	VPCMPGTD     ascending<>(SB), Y12, Y13 \
	VMASKMOVPS   (SI), Y13, Y8       \
	SUBQ         $8, CX              \
	VMOVD        CX, X12             \
	VPBROADCASTD X12, Y12            \
	VPCMPGTD     ascending<>(SB), Y12, Y13 \
	VMASKMOVPS   32(SI), Y13, Y9     \
	VEXTRACTF128 $1, Y8, X10         \
	VEXTRACTF128 $1, Y9, X11         \
	QUARTER(0, X8, Y4, F, Y0)        \
	QUARTER(16, X10, Y5, F, Y1)      \
	QUARTER(32, X9, Y6, F, Y2)       \
	QUARTER(48, X11, Y7, F, Y3)      \
L3:                                      \
	VADDPD       Y2, Y0, Y0          \
	VADDPD       Y3, Y1, Y1          \
	VADDPD       Y1, Y0, Y0          \
	VEXTRACTF128 $1, Y0, X1          \
	VADDPD       X1, X0, X0          \
	VPSRLDQ      $8, X0, X1          \
	VADDSD       X1, X0, X0          \
	VMOVSD       X0, ret+16(FP)      \
	VZEROUPPER                       \
	RET

// func sumAVX2(x *float32, n int) float64
SUM(·sumAVX2, PLAIN, loop, rest, done)

// func squaresAVX2(x *float32, n int) float64
SUM(·squaresAVX2, SQUARE, loop, rest, done)

// func scaleByAVX2(dst, x, weight *float32, n int, f float32)
TEXT ·scaleByAVX2(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         weight+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS f+32(FP), Y15

loop:
	VMULPS  (SI), Y15, Y0
	VMULPS  32(SI), Y15, Y1
	VMULPS  (DX), Y0, Y0
	VMULPS  32(DX), Y1, Y1
	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGT     loop
	VZEROUPPER
	RET

// func gatedAVX2(e, gate, up *float32, n int)
TEXT ·gatedAVX2(SB), NOSPLIT, $0-32
	MOVQ         e+0(FP), DI
	MOVQ         gate+8(FP), SI
	MOVQ         up+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS ·expTable+140(SB), Y15

loop:
	VADDPS  (DI), Y15, Y0
	VMOVUPS (SI), Y1
	VDIVPS  Y0, Y1, Y0
	VMULPS  (DX), Y0, Y0
	VMOVUPS Y0, (DI)
	ADDQ    $32, SI
	ADDQ    $32, DX
	ADDQ    $32, DI
	SUBQ    $8, CX
	JGT     loop
	VZEROUPPER
	RET

// func multiplyAVX2(x *float32, n int, f float32)
TEXT ·multiplyAVX2(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS f+16(FP), Y15

loop:
	VMULPS  (SI), Y15, Y0
	VMULPS  32(SI), Y15, Y1
	VMOVUPS Y0, (SI)
	VMOVUPS Y1, 32(SI)
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGT     loop
	VZEROUPPER
	RET

// Y = the 32-bit constant C in every lane.
#define CONSTANT(C, X, Y) \
	MOVL         C, AX    \
	VMOVD        AX, X    \
	VPBROADCASTD X, Y

// func roundHalfAVX2(dst, x *float32, n int)
// By the steps of roundHalf: magnitudes are Y0, rounded by adding to their bits Y2, and by adding 1/2 Y3.
TEXT ·roundHalfAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	CONSTANT($0x7fffffff, X8, Y8)
	CONSTANT($0xfff, X9, Y9)
	CONSTANT($1, X10, Y10)
	CONSTANT($0xffffe000, X11, Y11)
	CONSTANT($0x3f000000, X12, Y12)
	CONSTANT($0x38800000, X13, Y13)
	CONSTANT($0x7f7fffff, X14, Y14)

loop:
	VMOVDQU   (SI), Y1
	VPAND     Y8, Y1, Y0
	VPSRLD    $13, Y0, Y2
	VPAND     Y10, Y2, Y2
	VPADDD    Y9, Y2, Y2
	VPADDD    Y0, Y2, Y2
	VPAND     Y11, Y2, Y2
	VADDPS    Y12, Y0, Y3
	VSUBPS    Y12, Y3, Y3
	VPCMPGTD  Y0, Y13, Y4 // small
	VBLENDVPS Y4, Y3, Y2, Y2
	VPANDN    Y1, Y8, Y5
	VPOR      Y5, Y2, Y2
	VPCMPGTD  Y14, Y0, Y4 // not finite
	VBLENDVPS Y4, Y1, Y2, Y2
	VMOVDQU   Y2, (DI)
	ADDQ      $32, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGT       loop
	VZEROUPPER
	RET

// func roundBrainAVX2(dst, x *float32, n int)
TEXT ·roundBrainAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	CONSTANT($0x7fff, X9, Y9)
	CONSTANT($1, X10, Y10)
	CONSTANT($0xffff0000, X11, Y11)

loop:
	VMOVDQU   (SI), Y1
	VPSRLD    $16, Y1, Y2
	VPAND     Y10, Y2, Y2
	VPADDD    Y9, Y2, Y2
	VPADDD    Y1, Y2, Y2
	VPAND     Y11, Y2, Y2
	VCMPPS    $0x03, Y1, Y1, Y4 // not a number
	VBLENDVPS Y4, Y1, Y2, Y2
	VMOVDQU   Y2, (DI)
	ADDQ      $32, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGT       loop
	VZEROUPPER
	RET
