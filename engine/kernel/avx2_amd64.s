//go:build !purego

#include "textflag.h"

// Folds the 16 lanes LO and HI, whose lower halves are XLO and XHI, into the float at DST.
#define FOLD(LO, HI, XLO, XHI, DST) \
	VADDPS       HI, LO, LO     \
	VEXTRACTF128 $1, LO, XHI    \
	VADDPS       XHI, XLO, XLO  \
	VPSRLDQ      $8, XLO, XHI   \
	VADDPS       XHI, XLO, XLO  \
	VMOVSHDUP    XLO, XHI       \
	VADDSS       XHI, XLO, XLO  \
	VMOVSS       XLO, DST

// Adds 16 products of the vector in Y8 and Y9 and the row at PTR to the lanes LO and HI. Not fused: see the package comment.
#define PRODUCTS(PTR, LO, HI) \
	VMULPS (PTR)(CX*1), Y8, Y10   \
	VMULPS 32(PTR)(CX*1), Y9, Y11 \
	VADDPS Y10, LO, LO            \
	VADDPS Y11, HI, HI

// func dotRowsAVX2(dst, w *float32, stride, rows int, x *float32, n int)
// Four rows at a time, at SI, R10, R11 and R12, and then the rest.
TEXT ·dotRowsAVX2(SB), NOSPLIT, $0-48
	MOVQ dst+0(FP), DI
	MOVQ w+8(FP), SI
	MOVQ stride+16(FP), DX
	MOVQ rows+24(FP), R8
	MOVQ x+32(FP), BX
	MOVQ n+40(FP), R9
	SHLQ $2, DX
	SHLQ $2, R9
	SUBQ $4, R8
	JLT  rest

four:
	LEAQ   (SI)(DX*1), R10
	LEAQ   (SI)(DX*2), R11
	LEAQ   (R10)(DX*2), R12
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	VXORPS Y2, Y2, Y2
	VXORPS Y3, Y3, Y3
	VXORPS Y4, Y4, Y4
	VXORPS Y5, Y5, Y5
	VXORPS Y6, Y6, Y6
	VXORPS Y7, Y7, Y7
	XORQ   CX, CX

inner4:
	VMOVUPS (BX)(CX*1), Y8
	VMOVUPS 32(BX)(CX*1), Y9
	PRODUCTS(SI, Y0, Y1)
	PRODUCTS(R10, Y2, Y3)
	PRODUCTS(R11, Y4, Y5)
	PRODUCTS(R12, Y6, Y7)
	ADDQ    $64, CX
	CMPQ    CX, R9
	JLT     inner4

	FOLD(Y0, Y1, X0, X1, (DI))
	FOLD(Y2, Y3, X2, X3, 4(DI))
	FOLD(Y4, Y5, X4, X5, 8(DI))
	FOLD(Y6, Y7, X6, X7, 12(DI))
	ADDQ $16, DI
	LEAQ (SI)(DX*4), SI
	SUBQ $4, R8
	JGE  four

rest:
	ADDQ $4, R8
	JZ   done

one:
	VXORPS Y0, Y0, Y0
	VXORPS Y1, Y1, Y1
	XORQ   CX, CX

inner1:
	VMOVUPS (BX)(CX*1), Y8
	VMOVUPS 32(BX)(CX*1), Y9
	PRODUCTS(SI, Y0, Y1)
	ADDQ    $64, CX
	CMPQ    CX, R9
	JLT     inner1

	FOLD(Y0, Y1, X0, X1, (DI))
	ADDQ $4, DI
	ADDQ DX, SI
	DECQ R8
	JNZ  one

done:
	VZEROUPPER
	RET

// func addRowsAVX2(out, w *float32, stride, rows int, p *float32, n int)
// 32 elements of out stay in Y0 to Y3 while all rows are added.
TEXT ·addRowsAVX2(SB), NOSPLIT, $0-48
	MOVQ out+0(FP), DI
	MOVQ w+8(FP), SI
	MOVQ stride+16(FP), DX
	MOVQ p+32(FP), BX
	MOVQ n+40(FP), R9
	SHLQ $2, DX

part:
	VMOVUPS (DI), Y0
	VMOVUPS 32(DI), Y1
	VMOVUPS 64(DI), Y2
	VMOVUPS 96(DI), Y3
	MOVQ    SI, AX
	MOVQ    rows+24(FP), R8
	XORQ    CX, CX

inner:
	VBROADCASTSS (BX)(CX*4), Y4
	VMULPS       (AX), Y4, Y5
	VMULPS       32(AX), Y4, Y6
	VMULPS       64(AX), Y4, Y7
	VMULPS       96(AX), Y4, Y8
	VADDPS       Y5, Y0, Y0
	VADDPS       Y6, Y1, Y1
	VADDPS       Y7, Y2, Y2
	VADDPS       Y8, Y3, Y3
	ADDQ         DX, AX
	INCQ         CX
	CMPQ         CX, R8
	JLT          inner

	VMOVUPS Y0, (DI)
	VMOVUPS Y1, 32(DI)
	VMOVUPS Y2, 64(DI)
	VMOVUPS Y3, 96(DI)
	ADDQ    $128, DI
	ADDQ    $128, SI
	SUBQ    $32, R9
	JGT     part
	VZEROUPPER
	RET

// func halvesAVX2(dst *float32, src *byte, n int)
TEXT ·halvesAVX2(SB), NOSPLIT, $0-24
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), SI
	MOVQ n+16(FP), CX

loop:
	VCVTPH2PS (SI), Y0
	VMOVUPS   Y0, (DI)
	ADDQ      $16, SI
	ADDQ      $32, DI
	SUBQ      $8, CX
	JGT       loop
	VZEROUPPER
	RET
