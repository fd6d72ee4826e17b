//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Broadcasts the 32 bits BITS to Y; X is its lower half.
#define CONST(BITS, X, Y) \
	MOVL         $BITS, BX \
	MOVQ         BX, X     \
	VPBROADCASTD X, Y

// func finiteAVX2(x *float32, n int) bool
TEXT ·finiteAVX2(SB), NOSPLIT, $0-17
	MOVQ  x+0(FP), SI
	MOVQ  n+8(FP), CX
	CONST(0x7f800000, X0, Y0)
	VPXOR Y1, Y1, Y1

loop:
	VPAND    (SI), Y0, Y2
	VPCMPEQD Y0, Y2, Y2
	VPOR     Y2, Y1, Y1
	ADDQ     $32, SI
	SUBQ     $8, CX
	JNZ      loop
	VPTEST   Y1, Y1
	SETEQ    ret+16(FP)
	VZEROUPPER
	RET

// func extentAVX2(x *float32) (low, high float32)
TEXT ·extentAVX2(SB), NOSPLIT, $0-16
	MOVQ         x+0(FP), SI
	VMOVUPS      (SI), Y0
	VMOVUPS      32(SI), Y2
	VMAXPS       Y0, Y2, Y1
	VMINPS       Y0, Y2, Y0
	VMOVUPS      64(SI), Y2
	VMOVUPS      96(SI), Y3
	VMINPS       Y2, Y0, Y0
	VMAXPS       Y2, Y1, Y1
	VMINPS       Y3, Y0, Y0
	VMAXPS       Y3, Y1, Y1
	VEXTRACTF128 $1, Y0, X2
	VEXTRACTF128 $1, Y1, X3
	VMINPS       X2, X0, X0
	VMAXPS       X3, X1, X1
	VPSRLDQ      $8, X0, X2
	VPSRLDQ      $8, X1, X3
	VMINPS       X2, X0, X0
	VMAXPS       X3, X1, X1
	VMOVSHDUP    X0, X2
	VMOVSHDUP    X1, X3
	VMINPS       X2, X0, X0
	VMAXPS       X3, X1, X1
	VMOVSS       X0, low+8(FP)
	VMOVSS       X1, high+12(FP)
	VZEROUPPER
	RET

// Makes V the 8 levels of the elements at OFF.
#define LEVEL(OFF, V) \
	VMOVUPS    OFF(SI), V \
	VSUBPS     Y0, V, V   \
	VMULPS     Y1, V, V   \
	VADDPS     Y2, V, V   \
	VCVTTPS2DQ V, V       \
	VPMINSD    Y3, V, V

// Packs the 32 integers in Y4 to Y7, 0 where negative, to the bytes Y4, in order.
#define PACK \
	VPACKSSDW Y5, Y4, Y4       \
	VPACKSSDW Y7, Y6, Y6       \
	VPACKUSWB Y6, Y4, Y4       \
	VPMOVZXBD order<>(SB), Y8  \
	VPERMD    Y4, Y8, Y4

DATA order<>+0(SB)/8, $0x0703060205010400
GLOBL order<>(SB), RODATA|NOPTR, $8

// func levelsAVX2(q *[32]uint8, x *float32, l *levels) uint32
TEXT ·levelsAVX2(SB), NOSPLIT, $0-28
	MOVQ         q+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         l+16(FP), AX
	VBROADCASTSS levels_m(AX), Y0
	VBROADCASTSS levels_inv(AX), Y1
	VBROADCASTSS levels_half(AX), Y2
	VPBROADCASTD levels_top(AX), Y3
	LEVEL(0, Y4)
	LEVEL(32, Y5)
	LEVEL(64, Y6)
	LEVEL(96, Y7)
	PACK
	VMOVDQU      Y4, (DI)
	VPSLLW       $3, Y4, Y4
	VPMOVMSKB    Y4, BX
	MOVL         BX, ret+24(FP)
	VZEROUPPER
	RET

// func halvesAVX2(dst *byte, x *float32, n int)
TEXT ·halvesAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VMOVUPS   (SI), Y0
	VCVTPS2PH $0, Y0, X0
	VMOVUPS   X0, (DI)
	ADDQ      $32, SI
	ADDQ      $16, DI
	SUBQ      $8, CX
	JNZ       loop
	VZEROUPPER
	RET

// func bfloatsAVX2(dst *byte, x *float32, n int)
TEXT ·bfloatsAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ x+8(FP), SI
	MOVQ n+16(FP), CX
	CONST(0x7fff, X4, Y4)
	CONST(1, X5, Y5)

loop:
	VMOVDQU      (SI), Y0
	VPSRLD       $16, Y0, Y1
	VPAND        Y5, Y1, Y1
	VPADDD       Y4, Y0, Y0
	VPADDD       Y1, Y0, Y0
	VPSRLD       $16, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPACKUSDW    X1, X0, X0
	VMOVDQU      X0, (DI)
	ADDQ         $32, SI
	ADDQ         $16, DI
	SUBQ         $8, CX
	JNZ          loop
	VZEROUPPER
	RET

// Takes 1 from V where Y14 is above the threshold FACTOR d.
#define ABOVE(FACTOR, V) \
	MOVL         $FACTOR, BX    \
	MOVQ         BX, X13        \
	VBROADCASTSS X13, Y13       \
	VMULPS       Y0, Y13, Y13   \
	VCMPPS       $0x1e, Y13, Y14, Y13 \
	VPADDD       Y13, V, V

// Makes V the 8 numbers of 4 bits nearest to the elements at OFF. The thresholds are 1/2 3/2 5/2 7/2 5 7 10.
#define E2M1(OFF, V) \
	VMOVUPS  OFF(SI), Y15    \
	VANDPS   Y1, Y15, Y14    \
	VPXOR    V, V, V         \
	ABOVE(0x3f000000, V)     \
	ABOVE(0x3fc00000, V)     \
	ABOVE(0x40200000, V)     \
	ABOVE(0x40600000, V)     \
	ABOVE(0x40a00000, V)     \
	ABOVE(0x40e00000, V)     \
	ABOVE(0x41200000, V)     \
	VPCMPGTD V, Y3, Y13      \
	VPSUBD   V, Y3, V        \
	VPSRLD   $31, Y15, Y15   \
	VPSLLD   $3, Y15, Y15    \
	VPAND    Y13, Y15, Y15   \
	VPOR     Y15, V, V

// func e2m1AVX2(q *[32]uint8, x *float32, d float32)
TEXT ·e2m1AVX2(SB), NOSPLIT, $0-20
	MOVQ         q+0(FP), DI
	MOVQ         x+8(FP), SI
	VBROADCASTSS d+16(FP), Y0
	CONST(0x7fffffff, X1, Y1)
	VPXOR        Y3, Y3, Y3
	E2M1(0, Y4)
	E2M1(32, Y5)
	E2M1(64, Y6)
	E2M1(96, Y7)
	PACK
	VMOVDQU      Y4, (DI)
	VZEROUPPER
	RET
