//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// Products of packed rows (see packed.go) with AVX2, for one group, in halves of eight rows and tiles of four vectors. Bytes
// are multiplied as the weight's magnitude, unsigned, and the element with the weight's sign: two such products, of at most
// 128*127, fit 16 bits.
//
// Y0 to Y3 are the integer sums of a block, Y4 to Y7 the float sums. AX: weights. SI, R9, R10: the vectors, bytes to the next
// and three times that; DX, R11, R12 likewise their blocks. DI: dst, BX: bytes to the next vector's. R13: vectors left. CX:
// blocks left. 0(SP) and 8(SP): where the vectors and blocks of this tile begin, 16(SP): 0, or 32 in the other half.

#define LOADARGS \
	MOVQ product_dst(R14), DI          \
	MOVQ product_dstStride(R14), BX    \
	MOVQ product_q(R14), SI            \
	MOVQ product_qStride(R14), R9      \
	MOVQ product_block(R14), DX        \
	MOVQ product_blockStride(R14), R11 \
	MOVQ product_n(R14), R13           \
	MOVQ SI, 0(SP)                     \
	MOVQ DX, 8(SP)                     \
	LEAQ (R9)(R9*2), R10               \
	LEAQ (R11)(R11*2), R12

#define NEXTVECTORS(N) \
	LEAQ (DI)(BX*N), DI  \
	MOVQ 0(SP), SI       \
	LEAQ (SI)(R9*N), SI  \
	MOVQ SI, 0(SP)       \
	MOVQ 8(SP), DX       \
	LEAQ (DX)(R11*N), DX \
	MOVQ DX, 8(SP)

#define CLEARINTS \
	VPXOR Y0, Y0, Y0 \
	VPXOR Y1, Y1, Y1 \
	VPXOR Y2, Y2, Y2 \
	VPXOR Y3, Y3, Y3

#define CLEARFLOATS \
	VXORPS Y4, Y4, Y4 \
	VXORPS Y5, Y5, Y5 \
	VXORPS Y6, Y6, Y6 \
	VXORPS Y7, Y7, Y7

// Four columns: the weights in Y8, their magnitudes in Y9, the elements at X, ones in Y15.
#define FOURCOLUMNS(X, TMP, ACC) \
	VPBROADCASTD X, TMP        \
	VPSIGNB      Y8, TMP, TMP  \
	VPMADDUBSW   TMP, Y9, TMP  \
	VPMADDWD     Y15, TMP, TMP \
	VPADDD       TMP, ACC, ACC

#define COLUMNSx4(W, X) \
	VMOVDQU W(AX), Y8                       \
	VPABSB  Y8, Y9                          \
	FOURCOLUMNS(X(SI), Y10, Y0)             \
	FOURCOLUMNS(X(SI)(R9*1), Y11, Y1)       \
	FOURCOLUMNS(X(SI)(R9*2), Y12, Y2)       \
	FOURCOLUMNS(X(SI)(R10*1), Y13, Y3)

#define COLUMNSx1(W, X, ACC) \
	VMOVDQU W(AX), Y8            \
	VPABSB  Y8, Y9               \
	FOURCOLUMNS(X(SI), Y10, ACC)

#define HALFx4(W, X) \
	COLUMNSx4(W, X)         \
	COLUMNSx4(W+64, X+4)    \
	COLUMNSx4(W+128, X+8)   \
	COLUMNSx4(W+192, X+12)

#define HALFx1(W, X) \
	COLUMNSx1(W, X, Y0)         \
	COLUMNSx1(W+64, X+4, Y1)    \
	COLUMNSx1(W+128, X+8, Y0)   \
	COLUMNSx1(W+192, X+12, Y1)

#define LOAD4 \
	LEAQ    (DI)(BX*2), R15   \
	VMOVUPS (DI), Y4          \
	VMOVUPS (DI)(BX*1), Y5    \
	VMOVUPS (R15), Y6         \
	VMOVUPS (R15)(BX*1), Y7

#define STORE4 \
	LEAQ    (DI)(BX*2), R15   \
	VMOVUPS Y4, (DI)          \
	VMOVUPS Y5, (DI)(BX*1)    \
	VMOVUPS Y6, (R15)         \
	VMOVUPS Y7, (R15)(BX*1)

// ACC += float(SUM) * (scales in Y8 * the scale at D).
#define ADD32(D, SUM, ACC) \
	VBROADCASTSS D, Y10           \
	VMULPS       Y10, Y8, Y10     \
	VCVTDQ2PS    SUM, SUM         \
	VFMADD231PS  SUM, Y10, ACC

// ACC += sum of elements at SUM * (minima in Y9 * the scale at D).
#define LOW32(D, SUM, ACC) \
	VBROADCASTSS D, Y10           \
	VMULPS       Y10, Y9, Y10     \
	VBROADCASTSS SUM, Y11         \
	VFMADD231PS  Y11, Y10, ACC

#define CELL32x4 \
	CLEARINTS                              \
	HALFx4(0, 0)                           \
	HALFx4(256, 16)                        \
	VMOVUPS 512(AX), Y8                    \
	ADD32(block32_d(DX), Y0, Y4)           \
	ADD32(block32_d(DX)(R11*1), Y1, Y5)    \
	ADD32(block32_d(DX)(R11*2), Y2, Y6)    \
	ADD32(block32_d(DX)(R12*1), Y3, Y7)

#define CELL32x1 \
	CLEARINTS                      \
	HALFx1(0, 0)                   \
	HALFx1(256, 16)                \
	VPADDD  Y1, Y0, Y0             \
	VMOVUPS 512(AX), Y8            \
	ADD32(block32_d(DX), Y0, Y4)

#define CELL32MINx4 \
	CELL32x4                                                   \
	VMOVUPS 576(AX), Y9                                        \
	LOW32(block32_d(DX), block32_sum(DX), Y4)                  \
	LOW32(block32_d(DX)(R11*1), block32_sum(DX)(R11*1), Y5)    \
	LOW32(block32_d(DX)(R11*2), block32_sum(DX)(R11*2), Y6)    \
	LOW32(block32_d(DX)(R12*1), block32_sum(DX)(R12*1), Y7)

#define CELL32MINx1 \
	CELL32x1                                     \
	VMOVUPS 576(AX), Y9                          \
	LOW32(block32_d(DX), block32_sum(DX), Y4)

// The beginning of all functions, and their end: the second half of the rows.
#define BEGIN \
	MOVQ     p+0(FP), R14      \
	VPCMPEQW Y15, Y15, Y15     \
	VPSRLW   $15, Y15, Y15     \
	MOVQ     $0, 16(SP)        \
half:                          \
	LOADARGS                   \
	ADDQ 16(SP), DI            \
	SUBQ $4, R13               \
	JLT  rest

#define WEIGHTS \
	MOVQ product_w(R14), AX        \
	ADDQ 16(SP), AX                \
	MOVQ product_blocks(R14), CX

#define END \
done:                   \
	XORQ $32, 16(SP)    \
	CMPQ 16(SP), $0     \
	JNE  half           \
	VZEROUPPER          \
	RET

#define DOT32(SIZE, CELL4, CELL1) \
	BEGIN                      \
tile4:                         \
	WEIGHTS                    \
	LOAD4                      \
cell4:                         \
	CELL4                      \
	ADDQ $SIZE, AX             \
	ADDQ $32, SI               \
	ADDQ $block32__size, DX    \
	DECQ CX                    \
	JNZ  cell4                 \
	STORE4                     \
	NEXTVECTORS(4)             \
	SUBQ $4, R13               \
	JGE  tile4                 \
rest:                          \
	ADDQ $4, R13               \
	JZ   done                  \
one:                           \
	WEIGHTS                    \
	VMOVUPS (DI), Y4           \
cell1:                         \
	CELL1                      \
	ADDQ $SIZE, AX             \
	ADDQ $32, SI               \
	ADDQ $block32__size, DX    \
	DECQ CX                    \
	JNZ  cell1                 \
	VMOVUPS Y4, (DI)           \
	NEXTVECTORS(1)             \
	DECQ R13                   \
	JNZ  one                   \
	END

// func dot32AVX2(p *product)
TEXT ·dot32AVX2(SB), NOSPLIT, $24-8
	DOT32(576, CELL32x4, CELL32x1)

// func dot32MinAVX2(p *product)
TEXT ·dot32MinAVX2(SB), NOSPLIT, $24-8
	DOT32(640, CELL32MINx4, CELL32MINx1)

// T += scales in Y8 * float(SUM)
#define ADD256(SUM, T) \
	VCVTDQ2PS   SUM, SUM       \
	VFMADD231PS SUM, Y8, T

// T -= minima in Y9 * the sum of elements at SUM
#define LOW256(SUM, T) \
	VBROADCASTSS SUM, Y10        \
	VFNMADD231PS Y10, Y9, T

#define SCALE256x4(S) \
	VMOVUPS S(AX), Y8 \
	ADD256(Y0, Y4)    \
	ADD256(Y1, Y5)    \
	ADD256(Y2, Y6)    \
	ADD256(Y3, Y7)

#define SCALE256x1(S) \
	VPADDD  Y1, Y0, Y0   \
	VMOVUPS S(AX), Y8    \
	ADD256(Y0, Y4)

#define LOW256x4(M, SUM) \
	VMOVUPS M(AX), Y9          \
	LOW256(SUM(DX), Y4)        \
	LOW256(SUM(DX)(R11*1), Y5) \
	LOW256(SUM(DX)(R11*2), Y6) \
	LOW256(SUM(DX)(R12*1), Y7)

#define LOW256x1(M, SUM) \
	VMOVUPS M(AX), Y9     \
	LOW256(SUM(DX), Y4)

#define CELL256x4 \
	CLEARINTS \
	HALFx4(0, 0) \
	HALFx4(256, 16) \
	SCALE256x4(512)

#define CELL256x1 \
	CLEARINTS \
	HALFx1(0, 0) \
	HALFx1(256, 16) \
	SCALE256x1(512)

#define CELL256MINx4 \
	CLEARINTS \
	HALFx4(0, 0) \
	HALFx4(256, 16) \
	SCALE256x4(512) \
	LOW256x4(576, block256_sum32)

#define CELL256MINx1 \
	CLEARINTS \
	HALFx1(0, 0) \
	HALFx1(256, 16) \
	SCALE256x1(512) \
	LOW256x1(576, block256_sum32)

#define CELL16x4 \
	CLEARINTS \
	HALFx4(0, 0) \
	SCALE256x4(512) \
	CLEARINTS \
	HALFx4(256, 16) \
	SCALE256x4(576)

#define CELL16x1 \
	CLEARINTS \
	HALFx1(0, 0) \
	SCALE256x1(512) \
	CLEARINTS \
	HALFx1(256, 16) \
	SCALE256x1(576)

#define CELL16MINx4 \
	CLEARINTS \
	HALFx4(0, 0) \
	SCALE256x4(512) \
	LOW256x4(640, block256_sum16) \
	CLEARINTS \
	HALFx4(256, 16) \
	SCALE256x4(576) \
	LOW256x4(704, block256_sum16+4)

#define CELL16MINx1 \
	CLEARINTS \
	HALFx1(0, 0) \
	SCALE256x1(512) \
	LOW256x1(640, block256_sum16) \
	CLEARINTS \
	HALFx1(256, 16) \
	SCALE256x1(576) \
	LOW256x1(704, block256_sum16+4)

// DST += T * the scale at D.
#define FLUSH(D, T, DST) \
	VBROADCASTSS D, Y10           \
	VMOVUPS      DST, Y11         \
	VFMADD231PS  T, Y10, Y11      \
	VMOVUPS      Y11, DST

// STEP is the bytes of the vectors' sums that a cell uses.
#define DOT256(SIZE, STEP, CELL4, CELL1) \
	BEGIN                                           \
tile4:                                              \
	WEIGHTS                                         \
super4:                                             \
	CLEARFLOATS                                     \
	MOVL $8, R15                                    \
cell4:                                              \
	CELL4                                           \
	ADDQ $SIZE, AX                                  \
	ADDQ $32, SI                                    \
	ADDQ $STEP, DX                                  \
	DECL R15                                        \
	JNZ  cell4                                      \
	LEAQ (DI)(BX*2), R15                            \
	FLUSH((-8*STEP)(DX), Y4, (DI))                  \
	FLUSH((-8*STEP)(DX)(R11*1), Y5, (DI)(BX*1))     \
	FLUSH((-8*STEP)(DX)(R11*2), Y6, (R15))          \
	FLUSH((-8*STEP)(DX)(R12*1), Y7, (R15)(BX*1))    \
	ADDQ $(block256__size-8*STEP), DX               \
	DECQ CX                                         \
	JNZ  super4                                     \
	NEXTVECTORS(4)                                  \
	SUBQ $4, R13                                    \
	JGE  tile4                                      \
rest:                                               \
	ADDQ $4, R13                                    \
	JZ   done                                       \
one:                                                \
	WEIGHTS                                         \
super1:                                             \
	VXORPS Y4, Y4, Y4                               \
	MOVL   $8, R15                                  \
cell1:                                              \
	CELL1                                           \
	ADDQ $SIZE, AX                                  \
	ADDQ $32, SI                                    \
	ADDQ $STEP, DX                                  \
	DECL R15                                        \
	JNZ  cell1                                      \
	FLUSH((-8*STEP)(DX), Y4, (DI))                  \
	ADDQ $(block256__size-8*STEP), DX               \
	DECQ CX                                         \
	JNZ  super1                                     \
	NEXTVECTORS(1)                                  \
	DECQ R13                                        \
	JNZ  one                                        \
	END

// func dot256AVX2(p *product)
TEXT ·dot256AVX2(SB), NOSPLIT, $24-8
	DOT256(576, 4, CELL256x4, CELL256x1)

// func dot256MinAVX2(p *product)
TEXT ·dot256MinAVX2(SB), NOSPLIT, $24-8
	DOT256(640, 4, CELL256MINx4, CELL256MINx1)

// func dot16AVX2(p *product)
TEXT ·dot16AVX2(SB), NOSPLIT, $24-8
	DOT256(640, 8, CELL16x4, CELL16x1)

// func dot16MinAVX2(p *product)
TEXT ·dot16MinAVX2(SB), NOSPLIT, $24-8
	DOT256(768, 8, CELL16MINx4, CELL16MINx1)
