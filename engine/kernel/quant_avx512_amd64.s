//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// Products of packed rows (see packed.go for the layout) by VPDPBUSD. A tile is three groups of 16 rows and four vectors:
// with fewer, loads and not multiplications would be the limit, since a register of weights or of one vector's elements
// serves four or three products only. A rest of rows or vectors is done in tiles of one.
//
// Z0 to Z11 are the integer sums of a block, group by group, and Z12 to Z23 the float sums.
// R15: biases of the first vector.
// AX: weights of the first group, R8: bytes to the next. SI, R9, R10: the vectors, bytes to the next and three times that;
// DX, R11, R12 likewise their blocks. DI: dst, BX: bytes to the next vector's. R13: vectors left. CX: cells or super-blocks left.

#define LOADARGS \
	MOVQ p+0(FP), R14                  \
	MOVQ product_dst(R14), DI          \
	MOVQ product_dstStride(R14), BX    \
	MOVQ product_group(R14), R8        \
	MOVQ product_q(R14), SI            \
	MOVQ product_qStride(R14), R9      \
	MOVQ product_block(R14), DX        \
	MOVQ product_blockStride(R14), R11 \
	MOVQ product_n(R14), R13           \
	MOVQ SI, 0(SP)                     \
	MOVQ DX, 8(SP)                     \
	MOVQ product_ahead(R14), R10       \
	MOVQ R10, 16(SP)                   \
	LEAQ (R9)(R9*2), R10               \
	LEAQ (R11)(R11*2), R12

// To the next four vectors, or to the next, from where 0(SP) and 8(SP) say that the last began; the inner loops have moved SI and DX from the beginning of a vector to its end.
#define NEXT4 \
	LEAQ (DI)(BX*4), DI             \
	MOVQ 0(SP), SI                  \
	LEAQ (SI)(R9*4), SI             \
	MOVQ SI, 0(SP)                  \
	MOVQ 8(SP), DX                  \
	LEAQ (DX)(R11*4), DX            \
	MOVQ DX, 8(SP)

#define NEXT1 \
	ADDQ BX, DI                     \
	MOVQ 0(SP), SI                  \
	ADDQ R9, SI                     \
	MOVQ SI, 0(SP)                  \
	MOVQ 8(SP), DX                  \
	ADDQ R11, DX                    \
	MOVQ DX, 8(SP)

// What is in dst for the next four vectors comes from far away: rows of it are long. Where sums begin with it, and not end,
// there is time for that.
#define FETCHDST(OFF, P) \
	PREFETCHT0 OFF(P)              \
	PREFETCHT0 OFF(P)(BX*1)        \
	PREFETCHT0 OFF(R15)            \
	PREFETCHT0 OFF(R15)(BX*1)

// The weights of all three groups that are wanted next, a share of them for each four vectors.
#define FETCHAHEAD(LOOP, DONE) \
	MOVQ  product_aheadLines(R14), CX \
	TESTQ CX, CX                      \
	JZ    DONE                        \
	MOVQ  16(SP), R15                 \
LOOP:                                     \
	PREFETCHT1 (R15)                  \
	PREFETCHT1 (R15)(R8*1)            \
	PREFETCHT1 (R15)(R8*2)            \
	ADDQ  $64, R15                    \
	DECQ  CX                          \
	JNZ   LOOP                        \
	MOVQ  R15, 16(SP)                 \
DONE:

#define FETCHDST3 \
	LEAQ (DI)(BX*4), CX            \
	LEAQ (CX)(BX*2), R15           \
	FETCHDST(0, CX)                \
	FETCHDST(64, CX)               \
	FETCHDST(128, CX)

// The integer sums start at what takes off the bias of the weights: the sums of the vectors' elements times minus that bias.
#define BIAS(OFF, B) \
	VPBROADCASTD OFF(B), Z0          \
	VPBROADCASTD OFF(B)(R11*1), Z1   \
	VPBROADCASTD OFF(B)(R11*2), Z2   \
	VPBROADCASTD OFF(B)(R12*1), Z3

#define BIAS3(OFF, B) \
	BIAS(OFF, B)       \
	VMOVDQA64 Z0, Z4   \
	VMOVDQA64 Z1, Z5   \
	VMOVDQA64 Z2, Z6   \
	VMOVDQA64 Z3, Z7   \
	VMOVDQA64 Z0, Z8   \
	VMOVDQA64 Z1, Z9   \
	VMOVDQA64 Z2, Z10  \
	VMOVDQA64 Z3, Z11

#define CLEAR4(A, B, C, D) \
	VPXORD A, A, A    \
	VPXORD B, B, B    \
	VPXORD C, C, C    \
	VPXORD D, D, D

// Weights of types with minima have no bias.
#define ZERO3 \
	CLEAR4(Z0, Z1, Z2, Z3)    \
	CLEAR4(Z4, Z5, Z6, Z7)    \
	CLEAR4(Z8, Z9, Z10, Z11)

// Four columns of all rows and vectors of a tile: weights at W, elements at X.
#define COLUMNS3(W, X) \
	VMOVDQU32    W(AX), Z24           \
	VMOVDQU32    W(AX)(R8*1), Z25     \
	VMOVDQU32    W(AX)(R8*2), Z26     \
	VPBROADCASTD X(SI), Z27           \
	VPDPBUSD     Z27, Z24, Z0         \
	VPDPBUSD     Z27, Z25, Z4         \
	VPDPBUSD     Z27, Z26, Z8         \
	VPBROADCASTD X(SI)(R9*1), Z28     \
	VPDPBUSD     Z28, Z24, Z1         \
	VPDPBUSD     Z28, Z25, Z5         \
	VPDPBUSD     Z28, Z26, Z9         \
	VPBROADCASTD X(SI)(R9*2), Z29     \
	VPDPBUSD     Z29, Z24, Z2         \
	VPDPBUSD     Z29, Z25, Z6         \
	VPDPBUSD     Z29, Z26, Z10        \
	VPBROADCASTD X(SI)(R10*1), Z30    \
	VPDPBUSD     Z30, Z24, Z3         \
	VPDPBUSD     Z30, Z25, Z7         \
	VPDPBUSD     Z30, Z26, Z11

#define COLUMNS4(W, X) \
	VMOVDQU32     W(AX), Z24              \
	VPDPBUSD.BCST X(SI), Z24, Z0          \
	VPDPBUSD.BCST X(SI)(R9*1), Z24, Z1    \
	VPDPBUSD.BCST X(SI)(R9*2), Z24, Z2    \
	VPDPBUSD.BCST X(SI)(R10*1), Z24, Z3

#define COLUMNS1(W, X, ACC) \
	VMOVDQU32     W(AX), Z24        \
	VPDPBUSD.BCST X(SI), Z24, ACC

#define HALF3(W, X) \
	COLUMNS3(W, X)          \
	COLUMNS3(W+64, X+4)     \
	COLUMNS3(W+128, X+8)    \
	COLUMNS3(W+192, X+12)

#define HALF4(W, X) \
	COLUMNS4(W, X)          \
	COLUMNS4(W+64, X+4)     \
	COLUMNS4(W+128, X+8)    \
	COLUMNS4(W+192, X+12)

#define HALF1(W, X, A, B) \
	COLUMNS1(W, X, A)         \
	COLUMNS1(W+64, X+4, B)    \
	COLUMNS1(W+128, X+8, A)   \
	COLUMNS1(W+192, X+12, B)

// The float sums begin with what is in dst: those of earlier columns, or 0.
#define LOAD4(OFF, A, B, C, D) \
	LEAQ    (DI)(BX*2), R15        \
	VMOVUPS OFF(DI), A             \
	VMOVUPS OFF(DI)(BX*1), B       \
	VMOVUPS OFF(R15), C            \
	VMOVUPS OFF(R15)(BX*1), D

#define STORE4(OFF, A, B, C, D) \
	LEAQ    (DI)(BX*2), R15        \
	VMOVUPS A, OFF(DI)             \
	VMOVUPS B, OFF(DI)(BX*1)       \
	VMOVUPS C, OFF(R15)            \
	VMOVUPS D, OFF(R15)(BX*1)

// Vectors in blocks of 32: ACC += float(SUM) * (S * D), S being scales and D the vector's scale.
#define ADD32(S, D, SUM, ACC) \
	VMULPS      D, S, Z31       \
	VCVTDQ2PS   SUM, SUM        \
	VFMADD231PS SUM, Z31, ACC

#define SCALE3(D, S0, S1, S2, A0, A1, A2) \
	ADD32(Z24, D, S0, A0) \
	ADD32(Z25, D, S1, A1) \
	ADD32(Z26, D, S2, A2)

#define BROADCAST4(OFF) \
	VBROADCASTSS OFF(DX), Z27          \
	VBROADCASTSS OFF(DX)(R11*1), Z28   \
	VBROADCASTSS OFF(DX)(R11*2), Z29   \
	VBROADCASTSS OFF(DX)(R12*1), Z30

#define WEIGHTS3(OFF) \
	VMOVUPS OFF(AX), Z24           \
	VMOVUPS OFF(AX)(R8*1), Z25     \
	VMOVUPS OFF(AX)(R8*2), Z26

// ACC += sum of the vector's elements, at SUM, times (the minimum at M times D).
#define LOW32(M, D, SUM, ACC) \
	VMULPS           M, D, Z31          \
	VFMADD231PS.BCST SUM, Z31, ACC

#define LOW3(D, SUM, A0, A1, A2) \
	LOW32(576(AX), D, SUM, A0)        \
	LOW32(576(AX)(R8*1), D, SUM, A1)  \
	LOW32(576(AX)(R8*2), D, SUM, A2)

#define CELL32x3 \
	BIAS3(0, R15) \
	BODY32x3

#define BODY32x3 \
	HALF3(0, 0)                                   \
	HALF3(256, 16)                                \
	WEIGHTS3(512)                                 \
	BROADCAST4(block32_d)                         \
	SCALE3(Z27, Z0, Z4, Z8, Z12, Z16, Z20)        \
	SCALE3(Z28, Z1, Z5, Z9, Z13, Z17, Z21)        \
	SCALE3(Z29, Z2, Z6, Z10, Z14, Z18, Z22)       \
	SCALE3(Z30, Z3, Z7, Z11, Z15, Z19, Z23)

#define CELL32x4 \
	BIAS(0, R15) \
	BODY32x4

#define BODY32x4 \
	HALF4(0, 0)                  \
	HALF4(256, 16)               \
	VMOVUPS 512(AX), Z24         \
	BROADCAST4(block32_d)        \
	ADD32(Z24, Z27, Z0, Z12)     \
	ADD32(Z24, Z28, Z1, Z13)     \
	ADD32(Z24, Z29, Z2, Z14)     \
	ADD32(Z24, Z30, Z3, Z15)

#define CELL32x1 \
	VPBROADCASTD (R15), Z0 \
	BODY32x1

#define BODY32x1 \
	VPXORD       Z1, Z1, Z1             \
	HALF1(0, 0, Z0, Z1)                 \
	HALF1(256, 16, Z0, Z1)              \
	VPADDD       Z1, Z0, Z0             \
	VBROADCASTSS block32_d(DX), Z27     \
	VMOVUPS      512(AX), Z24           \
	ADD32(Z24, Z27, Z0, Z12)

#define CELL32MINx3 \
	ZERO3                                                  \
	BODY32x3                                               \
	LOW3(Z27, block32_sum(DX), Z12, Z16, Z20)              \
	LOW3(Z28, block32_sum(DX)(R11*1), Z13, Z17, Z21)       \
	LOW3(Z29, block32_sum(DX)(R11*2), Z14, Z18, Z22)       \
	LOW3(Z30, block32_sum(DX)(R12*1), Z15, Z19, Z23)

#define CELL32MINx4 \
	CLEAR4(Z0, Z1, Z2, Z3)                                 \
	BODY32x4                                               \
	VMOVUPS 576(AX), Z25                                   \
	LOW32(Z25, Z27, block32_sum(DX), Z12)                  \
	LOW32(Z25, Z28, block32_sum(DX)(R11*1), Z13)           \
	LOW32(Z25, Z29, block32_sum(DX)(R11*2), Z14)           \
	LOW32(Z25, Z30, block32_sum(DX)(R12*1), Z15)

#define CELL32MINx1 \
	VPXORD Z0, Z0, Z0                              \
	BODY32x1                                       \
	LOW32(576(AX), Z27, block32_sum(DX), Z12)

// A function for vectors in blocks of 32, of cells of SIZE bytes: three groups and four vectors, one and four, one and one.
#define DOT32(SIZE, CELL3, CELL4, CELL1) \
	LOADARGS                                \
	SUBQ $4, R13                            \
	JLT  rest                               \
	CMPQ product_groups(R14), $3            \
	JNE  tile4                              \
tile3:                                      \
	FETCHAHEAD(fetch, fetched)              \
	MOVQ product_w(R14), AX                 \
	MOVQ product_blocks(R14), CX            \
	LOAD4(0, Z12, Z13, Z14, Z15)            \
	LOAD4(64, Z16, Z17, Z18, Z19)           \
	LOAD4(128, Z20, Z21, Z22, Z23)          \
	LEAQ (DX), R15                          \
	ADDQ product_bias(R14), R15             \
cell3:                                      \
	CELL3                                   \
	ADDQ $SIZE, AX                          \
	ADDQ $32, SI                            \
	ADDQ $block32__size, DX                 \
	ADDQ $block32__size, R15                \
	DECQ CX                                 \
	JNZ  cell3                              \
	STORE4(0, Z12, Z13, Z14, Z15)           \
	STORE4(64, Z16, Z17, Z18, Z19)          \
	STORE4(128, Z20, Z21, Z22, Z23)         \
	NEXT4                                   \
	SUBQ $4, R13                            \
	JGE  tile3                              \
	JMP  done                               \
tile4:                                      \
	MOVQ product_w(R14), AX                 \
	MOVQ product_blocks(R14), CX            \
	LOAD4(0, Z12, Z13, Z14, Z15)            \
	LEAQ (DX), R15                          \
	ADDQ product_bias(R14), R15             \
cell4:                                      \
	CELL4                                   \
	ADDQ $SIZE, AX                          \
	ADDQ $32, SI                            \
	ADDQ $block32__size, DX                 \
	ADDQ $block32__size, R15                \
	DECQ CX                                 \
	JNZ  cell4                              \
	STORE4(0, Z12, Z13, Z14, Z15)           \
	NEXT4                                   \
	SUBQ $4, R13                            \
	JGE  tile4                              \
rest:                                       \
	ADDQ $4, R13                            \
	JZ   done                               \
one:                                        \
	MOVQ    product_w(R14), AX              \
	MOVQ    product_blocks(R14), CX         \
	VMOVUPS (DI), Z12                       \
	LEAQ (DX), R15                          \
	ADDQ product_bias(R14), R15             \
cell1:                                      \
	CELL1                                   \
	ADDQ    $SIZE, AX                       \
	ADDQ    $32, SI                         \
	ADDQ    $block32__size, DX              \
	ADDQ    $block32__size, R15             \
	DECQ    CX                              \
	JNZ     cell1                           \
	VMOVUPS Z12, (DI)                       \
	NEXT1                                   \
	DECQ    R13                             \
	JNZ     one                             \
done:                                       \
	VZEROUPPER                              \
	RET

// func dot32AVX512(p *product)
TEXT ·dot32AVX512(SB), NOSPLIT, $24-8
	DOT32(576, CELL32x3, CELL32x4, CELL32x1)

// func dot32MinAVX512(p *product)
TEXT ·dot32MinAVX512(SB), NOSPLIT, $24-8
	DOT32(640, CELL32MINx3, CELL32MINx4, CELL32MINx1)

// Vectors in blocks of 256: T += S * float(SUM), and T -= M * the sum of the vector's elements, at SUM.
#define ADD256(S, SUM, T) \
	VCVTDQ2PS   SUM, SUM     \
	VFMADD231PS SUM, S, T

#define ADD3 \
	ADD256(Z24, Z0, Z12)    \
	ADD256(Z25, Z4, Z16)    \
	ADD256(Z26, Z8, Z20)    \
	ADD256(Z24, Z1, Z13)    \
	ADD256(Z25, Z5, Z17)    \
	ADD256(Z26, Z9, Z21)    \
	ADD256(Z24, Z2, Z14)    \
	ADD256(Z25, Z6, Z18)    \
	ADD256(Z26, Z10, Z22)   \
	ADD256(Z24, Z3, Z15)    \
	ADD256(Z25, Z7, Z19)    \
	ADD256(Z26, Z11, Z23)

#define ADD4 \
	ADD256(Z24, Z0, Z12)    \
	ADD256(Z24, Z1, Z13)    \
	ADD256(Z24, Z2, Z14)    \
	ADD256(Z24, Z3, Z15)

#define LOW256(D, A0, A1, A2) \
	VFNMADD231PS D, Z24, A0    \
	VFNMADD231PS D, Z25, A1    \
	VFNMADD231PS D, Z26, A2

#define LOW256x3(M, SUM) \
	WEIGHTS3(M)                    \
	BROADCAST4(SUM)                \
	LOW256(Z27, Z12, Z16, Z20)     \
	LOW256(Z28, Z13, Z17, Z21)     \
	LOW256(Z29, Z14, Z18, Z22)     \
	LOW256(Z30, Z15, Z19, Z23)

#define LOW256x4(M, SUM) \
	VMOVUPS           M(AX), Z24                     \
	VFNMADD231PS.BCST SUM(DX), Z24, Z12              \
	VFNMADD231PS.BCST SUM(DX)(R11*1), Z24, Z13       \
	VFNMADD231PS.BCST SUM(DX)(R11*2), Z24, Z14       \
	VFNMADD231PS.BCST SUM(DX)(R12*1), Z24, Z15

#define LOW256x1(M, SUM) \
	VMOVUPS           M(AX), Z24             \
	VFNMADD231PS.BCST SUM(DX), Z24, Z12

#define CELL256x3 \
	BIAS3(block256_bias32, DX) \
	BODY256x3

#define BODY256x3 \
	HALF3(0, 0)              \
	HALF3(256, 16)           \
	WEIGHTS3(512)            \
	ADD3

#define CELL256x4 \
	BIAS(block256_bias32, DX) \
	BODY256x4

#define BODY256x4 \
	HALF4(0, 0)              \
	HALF4(256, 16)           \
	VMOVUPS 512(AX), Z24     \
	ADD4

#define CELL256x1 \
	VPBROADCASTD block256_bias32(DX), Z0 \
	BODY256x1

#define BODY256x1 \
	VPXORD       Z1, Z1, Z1               \
	HALF1(0, 0, Z0, Z1)                   \
	HALF1(256, 16, Z0, Z1)                \
	VPADDD       Z1, Z0, Z0               \
	VMOVUPS      512(AX), Z24             \
	ADD256(Z24, Z0, Z12)

#define CELL256MINx3 \
	ZERO3                            \
	BODY256x3                        \
	LOW256x3(576, block256_sum32)

#define CELL256MINx4 \
	CLEAR4(Z0, Z1, Z2, Z3)           \
	BODY256x4                        \
	LOW256x4(576, block256_sum32)

#define CELL256MINx1 \
	VPXORD Z0, Z0, Z0                \
	BODY256x1                        \
	LOW256x1(576, block256_sum32)

// Half a cell has a scale of its own, at S.
#define SIXTEENx3(W, X, S) \
	HALF3(W, X)     \
	WEIGHTS3(S)     \
	ADD3

#define SIXTEENx4(W, X, S) \
	HALF4(W, X)         \
	VMOVUPS S(AX), Z24  \
	ADD4

#define SIXTEENx1(W, X, S) \
	VPXORD       Z1, Z1, Z1       \
	HALF1(W, X, Z0, Z1)           \
	VPADDD       Z1, Z0, Z0       \
	VMOVUPS      S(AX), Z24       \
	ADD256(Z24, Z0, Z12)

#define CELL16x3 \
	BIAS3(block256_bias16, DX) \
	SIXTEENx3(0, 0, 512) \
	BIAS3(block256_bias16+4, DX) \
	SIXTEENx3(256, 16, 576)

#define CELL16x4 \
	BIAS(block256_bias16, DX) \
	SIXTEENx4(0, 0, 512) \
	BIAS(block256_bias16+4, DX) \
	SIXTEENx4(256, 16, 576)

#define CELL16x1 \
	VPBROADCASTD block256_bias16(DX), Z0 \
	SIXTEENx1(0, 0, 512) \
	VPBROADCASTD block256_bias16+4(DX), Z0 \
	SIXTEENx1(256, 16, 576)

#define CELL16MINx3 \
	ZERO3 \
	SIXTEENx3(0, 0, 512) \
	LOW256x3(640, block256_sum16) \
	ZERO3 \
	SIXTEENx3(256, 16, 576) \
	LOW256x3(704, block256_sum16+4)

#define CELL16MINx4 \
	CLEAR4(Z0, Z1, Z2, Z3) \
	SIXTEENx4(0, 0, 512) \
	LOW256x4(640, block256_sum16) \
	CLEAR4(Z0, Z1, Z2, Z3) \
	SIXTEENx4(256, 16, 576) \
	LOW256x4(704, block256_sum16+4)

#define CELL16MINx1 \
	VPXORD Z0, Z0, Z0 \
	SIXTEENx1(0, 0, 512) \
	LOW256x1(640, block256_sum16) \
	VPXORD Z0, Z0, Z0 \
	SIXTEENx1(256, 16, 576) \
	LOW256x1(704, block256_sum16+4)

// The sum at DST += T * the vector's scale.
#define FLUSH(D, T, DST) \
	VMOVUPS     DST, Z31        \
	VFMADD231PS T, D, Z31       \
	VMOVUPS     Z31, DST

#define FLUSH4(OFF, A, B, C, D) \
	FLUSH(Z27, A, OFF(DI))            \
	FLUSH(Z28, B, OFF(DI)(BX*1))      \
	FLUSH(Z29, C, OFF(R15))           \
	FLUSH(Z30, D, OFF(R15)(BX*1))

// A function for vectors in blocks of 256, of cells of SIZE bytes, that use STEP bytes of the sums of the vectors' elements.
#define DOT256(SIZE, STEP, CELL3, CELL4, CELL1) \
	LOADARGS                                    \
	SUBQ $4, R13                                \
	JLT  rest                                   \
	CMPQ product_groups(R14), $3                \
	JNE  tile4                                  \
tile3:                                          \
	FETCHAHEAD(fetch, fetched)                  \
	FETCHDST3                                   \
	MOVQ product_w(R14), AX                     \
	MOVQ product_blocks(R14), CX                \
super3:                                         \
	CLEAR4(Z12, Z13, Z14, Z15)                  \
	CLEAR4(Z16, Z17, Z18, Z19)                  \
	CLEAR4(Z20, Z21, Z22, Z23)                  \
	MOVL $8, R15                                \
cell3:                                          \
	CELL3                                       \
	ADDQ $SIZE, AX                              \
	ADDQ $32, SI                                \
	ADDQ $STEP, DX                              \
	DECL R15                                    \
	JNZ  cell3                                  \
	LEAQ (DI)(BX*2), R15                        \
	BROADCAST4(-8*STEP)                         \
	FLUSH4(0, Z12, Z13, Z14, Z15)               \
	FLUSH4(64, Z16, Z17, Z18, Z19)              \
	FLUSH4(128, Z20, Z21, Z22, Z23)             \
	ADDQ $(block256__size-8*STEP), DX           \
	DECQ CX                                     \
	JNZ  super3                                 \
	NEXT4                                       \
	SUBQ $4, R13                                \
	JGE  tile3                                  \
	JMP  done                                   \
tile4:                                          \
	MOVQ product_w(R14), AX                     \
	MOVQ product_blocks(R14), CX                \
super4:                                         \
	CLEAR4(Z12, Z13, Z14, Z15)                  \
	MOVL $8, R15                                \
cell4:                                          \
	CELL4                                       \
	ADDQ $SIZE, AX                              \
	ADDQ $32, SI                                \
	ADDQ $STEP, DX                              \
	DECL R15                                    \
	JNZ  cell4                                  \
	LEAQ (DI)(BX*2), R15                        \
	BROADCAST4(-8*STEP)                         \
	FLUSH4(0, Z12, Z13, Z14, Z15)               \
	ADDQ $(block256__size-8*STEP), DX           \
	DECQ CX                                     \
	JNZ  super4                                 \
	NEXT4                                       \
	SUBQ $4, R13                                \
	JGE  tile4                                  \
rest:                                           \
	ADDQ $4, R13                                \
	JZ   done                                   \
one:                                            \
	MOVQ    product_w(R14), AX                  \
	MOVQ    product_blocks(R14), CX             \
	VMOVUPS (DI), Z13                           \
super1:                                         \
	VPXORD Z12, Z12, Z12                        \
	MOVL   $8, R15                              \
cell1:                                          \
	CELL1                                       \
	ADDQ   $SIZE, AX                            \
	ADDQ   $32, SI                              \
	ADDQ   $STEP, DX                            \
	DECL   R15                                  \
	JNZ    cell1                                \
	VFMADD231PS.BCST (-8*STEP)(DX), Z12, Z13    \
	ADDQ    $(block256__size-8*STEP), DX        \
	DECQ    CX                                  \
	JNZ     super1                              \
	VMOVUPS Z13, (DI)                           \
	NEXT1                                       \
	DECQ    R13                                 \
	JNZ     one                                 \
done:                                           \
	VZEROUPPER                                  \
	RET

// func dot256AVX512(p *product)
TEXT ·dot256AVX512(SB), NOSPLIT, $24-8
	DOT256(576, 4, CELL256x3, CELL256x4, CELL256x1)

// func dot256MinAVX512(p *product)
TEXT ·dot256MinAVX512(SB), NOSPLIT, $24-8
	DOT256(640, 4, CELL256MINx3, CELL256MINx4, CELL256MINx1)

// func dot16AVX512(p *product)
TEXT ·dot16AVX512(SB), NOSPLIT, $24-8
	DOT256(640, 8, CELL16x3, CELL16x4, CELL16x1)

// func dot16MinAVX512(p *product)
TEXT ·dot16MinAVX512(SB), NOSPLIT, $24-8
	DOT256(768, 8, CELL16MINx3, CELL16MINx4, CELL16MINx1)
