//go:build !purego

#include "textflag.h"

// The constants of exp stay in Z16 to Z29, in the order of the table.
#define CONSTANTS \
	VBROADCASTSD ·expTable+0(SB), Z16 \
	VBROADCASTSD ·expTable+8(SB), Z17 \
	VBROADCASTSD ·expTable+16(SB), Z18 \
	VBROADCASTSD ·expTable+24(SB), Z19 \
	VBROADCASTSD ·expTable+32(SB), Z20 \
	VBROADCASTSD ·expTable+40(SB), Z21 \
	VBROADCASTSD ·expTable+48(SB), Z22 \
	VBROADCASTSD ·expTable+56(SB), Z23 \
	VBROADCASTSD ·expTable+64(SB), Z24 \
	VBROADCASTSD ·expTable+72(SB), Z25 \
	VBROADCASTSD ·expTable+80(SB), Z26 \
	VBROADCASTSD ·expTable+88(SB), Z27 \
	VBROADCASTSD ·expTable+96(SB), Z28 \
	VBROADCASTSD ·expTable+104(SB), Z29

// X = exp(X) by the steps of exp, of eight float64. K has the low bits k, R2 and R4 powers of r, A to D are sums.
#define EXP(X, K, R2, R4, A, B, C, D) \
	VMULPD  X, Z16, R2   \
	VADDPD  Z17, R2, K   \
	VSUBPD  Z17, K, R2   \
	VMULPD  R2, Z18, A   \
	VMULPD  R2, Z19, B   \
	VSUBPD  A, X, X      \
	VSUBPD  B, X, X      \
	VMULPD  X, X, R2     \
	VMULPD  R2, R2, R4   \
	VMULPD  X, Z22, A    \
	VMULPD  X, Z24, B    \
	VMULPD  X, Z26, C    \
	VMULPD  X, Z28, D    \
	VADDPD  X, Z20, X    \
	VADDPD  A, Z21, A    \
	VADDPD  B, Z23, B    \
	VADDPD  C, Z25, C    \
	VADDPD  D, Z27, D    \
	VMULPD  R2, A, A     \
	VMULPD  R2, C, C     \
	VMULPD  R4, D, D     \
	VADDPD  A, X, X      \
	VADDPD  C, B, B      \
	VADDPD  D, B, B      \
	VMULPD  R4, B, B     \
	VADDPD  B, X, X      \
	VPADDQ  Z29, K, K    \
	VPSLLQ  $52, K, K    \
	VMULPD  K, X, X

// func expsAVX512(x *float32, n int, sub float32)
// Sixteen at a time. The arguments stay in Z0, and replace or clear at the end what is outside the range of exp.
TEXT ·expsAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), BX
	VBROADCASTSS sub+16(FP), Z30
	VBROADCASTSS ·expTable+136(SB), Z31
	CONSTANTS
	MOVL         $0xffff, AX

loop:
	SUBQ $16, BX
	JGE  part
	ADDQ $16, BX
	MOVQ BX, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	XORQ BX, BX

part:
	KMOVW         AX, K4
	VMOVUPS.Z     (SI), K4, Z0
	VSUBPS        Z30, Z0, Z0
	VCVTPS2PD     Y0, Z1
	VEXTRACTF64X4 $1, Z0, Y2
	VCVTPS2PD     Y2, Z2
	EXP(Z1, Z3, Z4, Z5, Z6, Z7, Z8, Z9)
	EXP(Z2, Z10, Z11, Z12, Z13, Z14, Z15, Z9)
	VCVTPD2PS     Z1, Y1
	VCVTPD2PS     Z2, Y2
	VINSERTF64X4  $1, Y2, Z1, Z1
	VCMPPS.BCST   $0x1e, ·expTable+128(SB), Z0, K1 // greater
	VCMPPS.BCST   $0x11, ·expTable+132(SB), Z0, K2 // less
	VCMPPS        $0x03, Z0, Z0, K3                // not a number
	VMOVAPS       Z31, K1, Z1
	VPXORD        Z1, Z1, K2, Z1
	VMOVAPS       Z0, K3, Z1
	VMOVUPS       Z1, K4, (SI)
	ADDQ          $64, SI
	TESTQ         BX, BX
	JNE           loop
	VZEROUPPER
	RET

// func softCapAVX512(x *float32, n int, c float32)
TEXT ·softCapAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), BX
	VBROADCASTSS c+16(FP), Y15
	VCVTPS2PD    Y15, Z15
	VBROADCASTSD ·expTable+112(SB), Z30
	VBROADCASTSD ·expTable+120(SB), Z31
	CONSTANTS
	MOVL         $0xff, AX

loop:
	SUBQ $8, BX
	JGE  part
	ADDQ $8, BX
	MOVQ BX, CX
	MOVL $1, AX
	SHLL CX, AX
	DECL AX
	XORQ BX, BX

part:
	KMOVW         AX, K4
	VMOVUPS.Z (SI), K4, Y0
	VCVTPS2PD Y0, Z1
	VDIVPD    Z15, Z1, Z1
	VMINPD    Z30, Z1, Z1
	VMAXPD    Z31, Z1, Z1
	VADDPD    Z1, Z1, Z1
	EXP(Z1, Z3, Z4, Z5, Z6, Z7, Z8, Z9)
	VSUBPD    Z20, Z1, Z2
	VADDPD    Z20, Z1, Z1
	VDIVPD    Z1, Z2, Z1
	VMULPD    Z15, Z1, Z1
	VCVTPD2PS Z1, Y1
	VCMPPS    $0x03, Z0, Z0, K3 // not a number
	VMOVAPS   Z0, K3, Z1
	VMOVUPS   Y1, K4, (SI)
	ADDQ      $32, SI
	TESTQ         BX, BX
	JNE           loop
	VZEROUPPER
	RET

// func topAVX512(x *float32, n int) float32
// VMAXPS takes its last argument, here what was the largest so far, unless the other is larger.
TEXT ·topAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS (SI), Z0

loop:
	VMOVUPS (SI), Z2
	VMAXPS  Z0, Z2, Z0
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGT     loop

	VEXTRACTF64X4 $1, Z0, Y1
	VMAXPS        Y0, Y1, Y0
	VEXTRACTF128  $1, Y0, X1
	VMAXPS        X0, X1, X0
	VPSRLDQ       $8, X0, X1
	VMAXPS        X0, X1, X0
	VMOVSHDUP     X0, X1
	VMAXSS        X0, X1, X0
	VMOVSS        X0, ret+16(FP)
	VZEROUPPER
	RET

#define PLAIN(Z)
#define SQUARE(Z) \
	VMULPD Z, Z, Z

// Sums of float64 in 16 lanes, Z0 and Z1, of any number of elements; adding 0 for what lacks at the end changes nothing, since
// no lane is negative.
#define SUM(NAME, F, L1, L2, L3) \
TEXT NAME(SB), NOSPLIT, $0-24             \
	MOVQ          x+0(FP), SI         \
	MOVQ          n+8(FP), BX         \
	VPXORD        Z0, Z0, Z0          \
	VPXORD        Z1, Z1, Z1          \
	MOVL          $0xffff, AX         \
L1:                                       \
	SUBQ          $16, BX             \
	JGE           L2                  \
	ADDQ          $16, BX             \
	JZ            L3                  \
	MOVQ          BX, CX              \
	MOVL          $1, AX              \
	SHLL          CX, AX              \
	DECL          AX                  \
	XORQ          BX, BX              \
L2:                                       \
	KMOVW         AX, K1              \
	VMOVUPS.Z     (SI), K1, Z2        \
	VEXTRACTF64X4 $1, Z2, Y3          \
	VCVTPS2PD     Y2, Z2              \
	VCVTPS2PD     Y3, Z3              \
	F(Z2)                             \
	F(Z3)                             \
	VADDPD        Z2, Z0, Z0          \
	VADDPD        Z3, Z1, Z1          \
	ADDQ          $64, SI             \
	TESTQ         BX, BX              \
	JNE           L1                  \
L3:                                       \
	VADDPD        Z1, Z0, Z0          \
	VEXTRACTF64X4 $1, Z0, Y1          \
	VADDPD        Y1, Y0, Y0          \
	VEXTRACTF128  $1, Y0, X1          \
	VADDPD        X1, X0, X0          \
	VPSRLDQ       $8, X0, X1          \
	VADDSD        X1, X0, X0          \
	VMOVSD        X0, ret+16(FP)      \
	VZEROUPPER                        \
	RET

// func sumAVX512(x *float32, n int) float64
SUM(·sumAVX512, PLAIN, loop, part, done)

// func squaresAVX512(x *float32, n int) float64
SUM(·squaresAVX512, SQUARE, loop, part, done)

// func scaleByAVX512(dst, x, weight *float32, n int, f float32)
TEXT ·scaleByAVX512(SB), NOSPLIT, $0-36
	MOVQ         dst+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         weight+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS f+32(FP), Z15

loop:
	VMULPS  (SI), Z15, Z0
	VMULPS  (DX), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGT     loop
	VZEROUPPER
	RET

// func gatedAVX512(e, gate, up *float32, n int)
TEXT ·gatedAVX512(SB), NOSPLIT, $0-32
	MOVQ         e+0(FP), DI
	MOVQ         gate+8(FP), SI
	MOVQ         up+16(FP), DX
	MOVQ         n+24(FP), CX
	VBROADCASTSS ·expTable+140(SB), Z15

loop:
	VADDPS  (DI), Z15, Z0
	VMOVUPS (SI), Z1
	VDIVPS  Z0, Z1, Z0
	VMULPS  (DX), Z0, Z0
	VMOVUPS Z0, (DI)
	ADDQ    $64, SI
	ADDQ    $64, DX
	ADDQ    $64, DI
	SUBQ    $16, CX
	JGT     loop
	VZEROUPPER
	RET

// func multiplyAVX512(x *float32, n int, f float32)
TEXT ·multiplyAVX512(SB), NOSPLIT, $0-20
	MOVQ         x+0(FP), SI
	MOVQ         n+8(FP), CX
	VBROADCASTSS f+16(FP), Z15

loop:
	VMULPS  (SI), Z15, Z0
	VMOVUPS Z0, (SI)
	ADDQ    $64, SI
	SUBQ    $16, CX
	JGT     loop
	VZEROUPPER
	RET
