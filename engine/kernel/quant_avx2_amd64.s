//go:build !purego

#include "textflag.h"

// func topBitsAVX2(x *float32, n int) uint32
TEXT ·topBitsAVX2(SB), NOSPLIT, $0-20
	MOVQ     x+0(FP), SI
	MOVQ     n+8(FP), CX
	VPCMPEQD Y7, Y7, Y7
	VPSRLD   $1, Y7, Y7
	VPXOR    Y0, Y0, Y0

loop:
	VPAND   (SI), Y7, Y1
	VPAND   32(SI), Y7, Y2
	VPAND   64(SI), Y7, Y3
	VPAND   96(SI), Y7, Y4
	VPMAXUD Y2, Y1, Y1
	VPMAXUD Y4, Y3, Y3
	VPMAXUD Y1, Y0, Y0
	VPMAXUD Y3, Y0, Y0
	ADDQ    $128, SI
	SUBQ    $32, CX
	JGT     loop

	VEXTRACTI128 $1, Y0, X1
	VPMAXUD      X1, X0, X0
	VPSRLDQ      $8, X0, X1
	VPMAXUD      X1, X0, X0
	VPSRLDQ      $4, X0, X1
	VPMAXUD      X1, X0, X0
	VMOVD        X0, AX
	MOVL         AX, ret+16(FP)
	VZEROUPPER
	RET

// Eight elements at OFF as integers in Y, which are added to Y8.
#define ROUND(OFF, Y) \
	VMULPS OFF(SI), Y14, Y \
	VADDPS Y15, Y, Y       \
	VPSLLD $24, Y, Y       \
	VPSRAD $24, Y, Y       \
	VPADDD Y, Y8, Y8

// func scaleAVX2(q *int8, x *float32, n int, inv float32) int32
TEXT ·scaleAVX2(SB), NOSPLIT, $0-36
	MOVQ         q+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	VBROADCASTSS inv+24(FP), Y14
	MOVL         $0x4b400000, AX // 0x1.8p23
	VMOVD        AX, X15
	VPBROADCASTD X15, Y15
	MOVQ         $0x0703060205010400, AX // undoes the order that packing leaves
	VMOVQ        AX, X9
	VPMOVZXBD    X9, Y9
	VPXOR        Y8, Y8, Y8

loop:
	ROUND(0, Y0)
	ROUND(32, Y1)
	ROUND(64, Y2)
	ROUND(96, Y3)
	VPACKSSDW Y1, Y0, Y0
	VPACKSSDW Y3, Y2, Y2
	VPACKSSWB Y2, Y0, Y0
	VPERMD    Y0, Y9, Y0
	VMOVDQU   Y0, (DI)
	ADDQ      $128, SI
	ADDQ      $32, DI
	SUBQ      $32, CX
	JGT       loop

	VEXTRACTI128 $1, Y8, X0
	VPADDD       X0, X8, X0
	VPSRLDQ      $8, X0, X1
	VPADDD       X1, X0, X0
	VPSRLDQ      $4, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, AX
	MOVL         AX, ret+32(FP)
	VZEROUPPER
	RET
