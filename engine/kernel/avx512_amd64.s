//go:build !purego

#include "textflag.h"

// Weights of type Q8_0 are packed so that no product has to be added across a register: of 16 rows, a block of 32 weights
// is eight registers; lane i of register j holds weights 4j to 4j+3 of row i, plus 128 and so unsigned, as VPDPBUSD wants
// one side. What that adds to a sum, 128 times the sum of the vector's block, is taken off by the vector's bias.
// Behind the eight registers lie the 16 scales, half floats, and 32 unused bytes.

// Rows LO to LO+3 and LO+4 to LO+7, side by side, of which the fours are at P and Q, into four registers.
#define LOAD(P, Q, Z0, Z1, Z2, Z3, Y0, Y1, Y2, Y3) \
	VMOVDQU     2(P), Y0                       \
	VMOVDQU     2(P)(R8*1), Y1                 \
	VMOVDQU     2(P)(R8*2), Y2                 \
	VMOVDQU     2(P)(R9*1), Y3                 \
	VINSERTI64X4 $1, 2(Q), Z0, Z0              \
	VINSERTI64X4 $1, 2(Q)(R8*1), Z1, Z1        \
	VINSERTI64X4 $1, 2(Q)(R8*2), Z2, Z2        \
	VINSERTI64X4 $1, 2(Q)(R9*1), Z3, Z3

// In each quarter of A, B, C and D transposes the four rows of four 32-bit columns.
#define TRANSPOSE(A, B, C, D) \
	VPUNPCKLDQ  B, A, Z16     \
	VPUNPCKHDQ  B, A, Z17     \
	VPUNPCKLDQ  D, C, Z18     \
	VPUNPCKHDQ  D, C, Z19     \
	VPUNPCKLQDQ Z18, Z16, A   \
	VPUNPCKHQDQ Z18, Z16, B   \
	VPUNPCKLQDQ Z19, Z17, C   \
	VPUNPCKHQDQ Z19, Z17, D

// Columns J and J+4, from the quarters of A with rows 0 to 7 and of B with rows 8 to 15.
#define STORE(A, B, J) \
	VSHUFI32X4 $0x88, B, A, Z16  \
	VSHUFI32X4 $0xdd, B, A, Z17  \
	VPXORD     Z31, Z16, Z16     \
	VPXORD     Z31, Z17, Z17     \
	VMOVDQU32  Z16, (64*J)(DI)   \
	VMOVDQU32  Z17, (64*J+256)(DI)

#define SCALES(P, OFF) \
	MOVWLZX (P), AX           \
	MOVWLZX (P)(R8*1), BX     \
	MOVWLZX (P)(R8*2), CX     \
	MOVWLZX (P)(R9*1), SI     \
	MOVW    AX, (OFF)(DI)     \
	MOVW    BX, (OFF+2)(DI)   \
	MOVW    CX, (OFF+4)(DI)   \
	MOVW    SI, (OFF+6)(DI)

// func packQ8AVX512(dst, src *byte, stride, blocks int)
TEXT ·packQ8AVX512(SB), NOSPLIT, $0-32
	MOVQ dst+0(FP), DI
	MOVQ src+8(FP), R10
	MOVQ stride+16(FP), R8
	MOVQ blocks+24(FP), DX
	LEAQ (R8)(R8*2), R9
	LEAQ (R10)(R8*4), R11
	LEAQ (R11)(R8*4), R12
	LEAQ (R12)(R8*4), R13
	MOVL $0x80808080, AX
	VPBROADCASTD AX, Z31

block:
	LOAD(R10, R11, Z0, Z1, Z2, Z3, Y0, Y1, Y2, Y3)
	LOAD(R12, R13, Z4, Z5, Z6, Z7, Y4, Y5, Y6, Y7)
	TRANSPOSE(Z0, Z1, Z2, Z3)
	TRANSPOSE(Z4, Z5, Z6, Z7)
	STORE(Z0, Z4, 0)
	STORE(Z1, Z5, 1)
	STORE(Z2, Z6, 2)
	STORE(Z3, Z7, 3)
	SCALES(R10, 512)
	SCALES(R11, 520)
	SCALES(R12, 528)
	SCALES(R13, 536)
	ADDQ $576, DI
	ADDQ $34, R10
	ADDQ $34, R11
	ADDQ $34, R12
	ADDQ $34, R13
	DECQ DX
	JNZ  block
	VZEROUPPER
	RET

// The block in Z16 to Z24 times that of the vector at Q, with scale at D and bias at BIAS, added to ACC.
#define PRODUCT(Q0, Q1, Q2, Q3, Q4, Q5, Q6, Q7, D, BIAS, TMP, ACC) \
	VPBROADCASTD  BIAS, TMP      \
	VPDPBUSD.BCST Q0, Z16, TMP   \
	VPDPBUSD.BCST Q1, Z17, TMP   \
	VPDPBUSD.BCST Q2, Z18, TMP   \
	VPDPBUSD.BCST Q3, Z19, TMP   \
	VPDPBUSD.BCST Q4, Z20, TMP   \
	VPDPBUSD.BCST Q5, Z21, TMP   \
	VPDPBUSD.BCST Q6, Z22, TMP   \
	VPDPBUSD.BCST Q7, Z23, TMP   \
	VCVTDQ2PS     TMP, TMP       \
	VMULPS.BCST   D, Z24, Z25    \
	VMULPS        TMP, Z25, TMP  \
	VADDPS        TMP, ACC, ACC

#define WEIGHTS \
	VMOVDQU32 (AX), Z16     \
	VMOVDQU32 64(AX), Z17   \
	VMOVDQU32 128(AX), Z18  \
	VMOVDQU32 192(AX), Z19  \
	VMOVDQU32 256(AX), Z20  \
	VMOVDQU32 320(AX), Z21  \
	VMOVDQU32 384(AX), Z22  \
	VMOVDQU32 448(AX), Z23  \
	VCVTPH2PS 512(AX), Z24

// func dotPackedVNNI(dst *float32, stride int, w *byte, blocks int, q *int8, d *float32, bias *int32, n int)
// Four vectors at a time, and then the rest. A vector has R8 bytes and R10 bytes of scales; R9 and R11 are three times that.
TEXT ·dotPackedVNNI(SB), NOSPLIT, $0-64
	MOVQ dst+0(FP), DI
	MOVQ stride+8(FP), R12
	MOVQ blocks+24(FP), R10
	MOVQ q+32(FP), SI
	MOVQ d+40(FP), DX
	MOVQ bias+48(FP), BX
	MOVQ n+56(FP), R13
	SHLQ $2, R12
	SHLQ $2, R10
	LEAQ (R10)(R10*2), R11
	LEAQ (R10*8), R8
	LEAQ (R8)(R8*2), R9
	SUBQ $4, R13
	JLT  rest

four:
	MOVQ  w+16(FP), AX
	MOVQ  blocks+24(FP), CX
	VPXOR X0, X0, X0
	VPXOR X1, X1, X1
	VPXOR X2, X2, X2
	VPXOR X3, X3, X3

block4:
	WEIGHTS
	PRODUCT((SI), 4(SI), 8(SI), 12(SI), 16(SI), 20(SI), 24(SI), 28(SI), (DX), (BX), Z4, Z0)
	PRODUCT((SI)(R8*1), 4(SI)(R8*1), 8(SI)(R8*1), 12(SI)(R8*1), 16(SI)(R8*1), 20(SI)(R8*1), 24(SI)(R8*1), 28(SI)(R8*1), (DX)(R10*1), (BX)(R10*1), Z5, Z1)
	PRODUCT((SI)(R8*2), 4(SI)(R8*2), 8(SI)(R8*2), 12(SI)(R8*2), 16(SI)(R8*2), 20(SI)(R8*2), 24(SI)(R8*2), 28(SI)(R8*2), (DX)(R10*2), (BX)(R10*2), Z6, Z2)
	PRODUCT((SI)(R9*1), 4(SI)(R9*1), 8(SI)(R9*1), 12(SI)(R9*1), 16(SI)(R9*1), 20(SI)(R9*1), 24(SI)(R9*1), 28(SI)(R9*1), (DX)(R11*1), (BX)(R11*1), Z7, Z3)
	ADDQ $576, AX
	ADDQ $32, SI
	ADDQ $4, DX
	ADDQ $4, BX
	DECQ CX
	JNZ  block4

	VMOVUPS Z0, (DI)
	ADDQ    R12, DI
	VMOVUPS Z1, (DI)
	ADDQ    R12, DI
	VMOVUPS Z2, (DI)
	ADDQ    R12, DI
	VMOVUPS Z3, (DI)
	ADDQ    R12, DI
	ADDQ    R9, SI
	ADDQ    R11, DX
	ADDQ    R11, BX
	SUBQ    $4, R13
	JGE     four

rest:
	ADDQ $4, R13
	JZ   done

one:
	MOVQ  w+16(FP), AX
	MOVQ  blocks+24(FP), CX
	VPXOR X0, X0, X0

block1:
	WEIGHTS
	PRODUCT((SI), 4(SI), 8(SI), 12(SI), 16(SI), 20(SI), 24(SI), 28(SI), (DX), (BX), Z4, Z0)
	ADDQ $576, AX
	ADDQ $32, SI
	ADDQ $4, DX
	ADDQ $4, BX
	DECQ CX
	JNZ  block1

	VMOVUPS Z0, (DI)
	ADDQ    R12, DI
	DECQ    R13
	JNZ     one

done:
	VZEROUPPER
	RET
