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

// The integer product of one block: 32 weights at OFF(BASE)(INDEX) with the vector in Y8 and Y9, as 8 partial sums in ACC.
#define BLOCK(BASE, INDEX, ACC) \
	VPMOVSXBW 2(BASE)(INDEX*1), ACC  \
	VPMOVSXBW 18(BASE)(INDEX*1), Y10 \
	VPMADDWD  Y8, ACC, ACC           \
	VPMADDWD  Y9, Y10, Y10           \
	VPADDD    Y10, ACC, ACC

// func dotQ8AVX2(dst *float32, w *byte, stride, blocks int, q *int8, d *float32)
// A lane of Y15 is a row. The four pointers hold rows 0, 1 to 3 by R8, R9 and R10 from AX, and 4 to 7 likewise from BX.
TEXT ·dotQ8AVX2(SB), NOSPLIT, $0-48
	MOVQ   dst+0(FP), DI
	MOVQ   w+8(FP), AX
	MOVQ   stride+16(FP), R8
	MOVQ   blocks+24(FP), CX
	MOVQ   q+32(FP), SI
	MOVQ   d+40(FP), DX
	LEAQ   (R8)(R8*1), R9
	LEAQ   (R9)(R8*1), R10
	LEAQ   (AX)(R8*4), BX
	XORQ   R11, R11
	VXORPS Y15, Y15, Y15

block:
	VPMOVSXBW (SI), Y8
	VPMOVSXBW 16(SI), Y9
	BLOCK(AX, R11, Y0)
	BLOCK(AX, R8, Y1)
	BLOCK(AX, R9, Y2)
	BLOCK(AX, R10, Y3)
	BLOCK(BX, R11, Y4)
	BLOCK(BX, R8, Y5)
	BLOCK(BX, R9, Y6)
	BLOCK(BX, R10, Y7)

	// Eight rows of eight partial sums become eight sums.
	VPHADDD    Y1, Y0, Y0
	VPHADDD    Y3, Y2, Y2
	VPHADDD    Y5, Y4, Y4
	VPHADDD    Y7, Y6, Y6
	VPHADDD    Y2, Y0, Y0
	VPHADDD    Y6, Y4, Y4
	VPERM2I128 $0x20, Y4, Y0, Y1
	VPERM2I128 $0x31, Y4, Y0, Y2
	VPADDD     Y2, Y1, Y0
	VCVTDQ2PS  Y0, Y0

	// The scales of the eight rows, times the vector's.
	VPXOR        X1, X1, X1
	VPINSRW      $0, (AX), X1, X1
	VPINSRW      $1, (AX)(R8*1), X1, X1
	VPINSRW      $2, (AX)(R9*1), X1, X1
	VPINSRW      $3, (AX)(R10*1), X1, X1
	VPINSRW      $4, (BX), X1, X1
	VPINSRW      $5, (BX)(R8*1), X1, X1
	VPINSRW      $6, (BX)(R9*1), X1, X1
	VPINSRW      $7, (BX)(R10*1), X1, X1
	VCVTPH2PS    X1, Y1
	VBROADCASTSS (DX), Y2
	VMULPS       Y2, Y1, Y1
	VMULPS       Y0, Y1, Y0
	VADDPS       Y0, Y15, Y15

	ADDQ $34, AX
	ADDQ $34, BX
	ADDQ $32, SI
	ADDQ $4, DX
	DECQ CX
	JNZ  block

	VMOVUPS Y15, (DI)
	VZEROUPPER
	RET

// 16 products of 16-bit weights with 8-bit elements, as 8 partial sums added to ACC.
#define STEP(I, TMP, ACC) \
	VPMOVSXBW (16*I)(SI), TMP      \
	VPMADDWD  (32*I)(AX), TMP, TMP \
	VPADDD    TMP, ACC, ACC

// func dotUnpackedAVX2(sums *int32, w *uint64, x *int8, blocks, rows int)
TEXT ·dotUnpackedAVX2(SB), NOSPLIT, $0-40
	MOVQ sums+0(FP), DI
	MOVQ w+8(FP), AX
	MOVQ rows+32(FP), DX

row:
	MOVQ x+16(FP), SI
	MOVQ blocks+24(FP), CX

block:
	VPXOR Y0, Y0, Y0
	VPXOR Y1, Y1, Y1
	STEP(0, Y2, Y0)
	STEP(1, Y3, Y1)
	STEP(2, Y4, Y0)
	STEP(3, Y5, Y1)
	STEP(4, Y2, Y0)
	STEP(5, Y3, Y1)
	STEP(6, Y4, Y0)
	STEP(7, Y5, Y1)
	STEP(8, Y2, Y0)
	STEP(9, Y3, Y1)
	STEP(10, Y4, Y0)
	STEP(11, Y5, Y1)
	STEP(12, Y2, Y0)
	STEP(13, Y3, Y1)
	STEP(14, Y4, Y0)
	STEP(15, Y5, Y1)

	VPADDD       Y1, Y0, Y0
	VEXTRACTI128 $1, Y0, X1
	VPADDD       X1, X0, X0
	VPSRLDQ      $8, X0, X1
	VPADDD       X1, X0, X0
	VPSRLDQ      $4, X0, X1
	VPADDD       X1, X0, X0
	VMOVD        X0, (DI)
	ADDQ         $4, DI
	ADDQ         $512, AX
	ADDQ         $256, SI
	DECQ         CX
	JNZ          block
	DECQ         DX
	JNZ          row
	VZEROUPPER
	RET

// 32 bytes at Q are 32 weights in their low halves and 32 in their high ones; each is scaled by the lowest word of X0, which
// is shifted out. Y14 holds the mask of low halves, Y15 that of even bytes.
#define HALVES(NIBBLES, W) \
	VPBROADCASTW X0, Y3           \
	VPSRLDQ      $2, X0, X0       \
	VPAND        Y15, NIBBLES, Y4 \
	VPSRLW       $8, NIBBLES, Y5  \
	VPMULLW      Y3, Y4, Y4       \
	VPMULLW      Y3, Y5, Y5       \
	VMOVDQU      Y4, (W)(DI)      \
	VMOVDQU      Y5, (W+32)(DI)

#define UNPACK(Q, W) \
	VMOVDQU (Q)(SI), Y1   \
	VPSRLW  $4, Y1, Y2    \
	VPAND   Y14, Y1, Y1   \
	VPAND   Y14, Y2, Y2   \
	HALVES(Y1, W)         \
	HALVES(Y2, (W+64))

// func unpackQ4KAVX2(w *uint64, q *byte, scales uint64)
TEXT ·unpackQ4KAVX2(SB), NOSPLIT, $0-24
	MOVQ      w+0(FP), DI
	MOVQ      q+8(FP), SI
	VMOVQ     scales+16(FP), X0
	VPMOVZXBW X0, X0
	VPCMPEQB  Y15, Y15, Y15
	VPSRLW    $12, Y15, Y14
	VPSRLW    $8, Y15, Y15
	VPACKUSWB Y14, Y14, Y14
	UNPACK(0, 0)
	UNPACK(32, 128)
	UNPACK(64, 256)
	UNPACK(96, 384)
	VZEROUPPER
	RET

// The 32 weights whose low four bits are in LOW and whose high two bits are in bits 4 and 5 of HIGH, both unmasked, times the
// two lowest words of X0, which are shifted out. Y13 holds 3 << 4 in every byte, Y14 the mask of low halves, Y15 bytes of 32.
#define SCALE6(LOW, HIGH, W) \
	VPAND        Y14, LOW, Y4     \
	VPAND        Y13, HIGH, Y5    \
	VPOR         Y5, Y4, Y4       \
	VPSUBB       Y15, Y4, Y4      \
	VPBROADCASTW X0, Y6           \
	VPSRLDQ      $2, X0, X0       \
	VPBROADCASTW X0, Y7           \
	VPSRLDQ      $2, X0, X0       \
	VPBLENDD     $0xf0, Y7, Y6, Y6 \
	VPSLLW       $8, Y4, Y5       \
	VPSRAW       $8, Y5, Y5       \
	VPSRAW       $8, Y4, Y4       \
	VPMULLW      Y6, Y5, Y5       \
	VPMULLW      Y6, Y4, Y4       \
	VMOVDQU      Y5, (W)(DI)      \
	VMOVDQU      Y4, (W+32)(DI)

// Half of a super-block: 64 bytes at Q, 32 at H, 8 scales at S.
#define UNPACK6(Q, H, S, W) \
	VPMOVSXBW (S)(SI), X0    \
	VMOVDQU   (Q)(SI), Y1    \
	VMOVDQU   (Q+32)(SI), Y2 \
	VMOVDQU   (H)(SI), Y3    \
	VPSLLW    $4, Y3, Y8     \
	VPSLLW    $2, Y3, Y9     \
	VPSRLW    $2, Y3, Y10    \
	VPSRLW    $4, Y1, Y11    \
	VPSRLW    $4, Y2, Y12    \
	SCALE6(Y1, Y8, W)        \
	SCALE6(Y2, Y9, W+64)     \
	SCALE6(Y11, Y3, W+128)   \
	SCALE6(Y12, Y10, W+192)

// func unpackQ6KAVX2(w *uint64, block *byte)
TEXT ·unpackQ6KAVX2(SB), NOSPLIT, $0-16
	MOVQ      w+0(FP), DI
	MOVQ      block+8(FP), SI
	VPCMPEQB  Y15, Y15, Y15
	VPSRLW    $12, Y15, Y14
	VPACKUSWB Y14, Y14, Y14
	VPSRLW    $14, Y15, Y13
	VPSLLW    $4, Y13, Y13
	VPACKUSWB Y13, Y13, Y13
	VPSRLW    $15, Y15, Y15
	VPSLLW    $5, Y15, Y15
	VPACKUSWB Y15, Y15, Y15
	UNPACK6(0, 128, 192, 0)
	UNPACK6(64, 160, 200, 256)
	VZEROUPPER
	RET
