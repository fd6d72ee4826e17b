//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// Products of packed rows (see packed.go for the layout): of signed bytes, by SDOT or, where that lacks, by products of 16
// bits.
//
// One vector: 16 rows are four registers of four rows. V0 to V3 are the integer sums of a block, and V4 to V7 those of its
// second half where that has a scale of its own; V16 to V19 the float sums, V28 to V31 those of 256 columns, and V24 and V25
// the vector's elements.
// R1: weights, R2: elements, R3: block, R4: dst, R5: vectors left, R6: cells or super-blocks left, R10: cells left of eight.
// R11 to R14: where weights, elements and blocks of the vector begin, and how many cells or super-blocks they are.

#define LOADARGS \
	MOVD p+0(FP), R0                   \
	MOVD product_w(R0), R13            \
	MOVD product_q(R0), R11            \
	MOVD product_block(R0), R12        \
	MOVD product_dst(R0), R4           \
	MOVD product_n(R0), R5             \
	MOVD product_blocks(R0), R14       \
	MOVD product_dstStride(R0), R7     \
	MOVD product_qStride(R0), R8       \
	MOVD product_blockStride(R0), R9

#define CLEAR4(A, B, C, D) \
	ZERO(A) \
	ZERO(B) \
	ZERO(C) \
	ZERO(D)

// Four columns of 16 rows, with lane I of the elements in X.
#define COLUMNS(OFF, I, X, A, B, C, D) \
	LDQ2(OFF, 1, 20, 21)    \
	LDQ2(OFF+32, 1, 22, 23) \
	SDOT(I, X, 20, A)       \
	SDOT(I, X, 21, B)       \
	SDOT(I, X, 22, C)       \
	SDOT(I, X, 23, D)

#define HALF(OFF, X, A, B, C, D) \
	CLEAR4(A, B, C, D)                 \
	COLUMNS(OFF, 0, X, A, B, C, D)     \
	COLUMNS(OFF+64, 1, X, A, B, C, D)  \
	COLUMNS(OFF+128, 2, X, A, B, C, D) \
	COLUMNS(OFF+192, 3, X, A, B, C, D)

#define SUMS16 \
	FLDPQ (R2), (F24, F25)  \
	HALF(0, 24, 0, 1, 2, 3) \
	HALF(256, 25, 4, 5, 6, 7)

#define SUMS32 \
	SUMS16        \
	ADDINT(4, 0, 0) \
	ADDINT(5, 1, 1) \
	ADDINT(6, 2, 2) \
	ADDINT(7, 3, 3)

// Without SDOT: V8 to V15 are sums of 16 bits, of which four are a row's.
#define PRODUCTS(F, F2, OFF, I, X) \
	DUPS(I, X, 26)          \
	LDQ2(OFF, 1, 20, 21)    \
	LDQ2(OFF+32, 1, 22, 23) \
	F(26, 20, 8)            \
	F2(26, 20, 9)           \
	F(26, 21, 10)           \
	F2(26, 21, 11)          \
	F(26, 22, 12)           \
	F2(26, 22, 13)          \
	F(26, 23, 14)           \
	F2(26, 23, 15)

#define FIRST(OFF, I, X) PRODUCTS(SMULL, SMULL2, OFF, I, X)
#define MORE(OFF, I, X) PRODUCTS(SMLAL, SMLAL2, OFF, I, X)

// To sums of 32 bits, two a row; with F SADDLPH they begin.
#define WIDEN(F) \
	F(8, 0)  \
	F(9, 1)  \
	F(10, 2) \
	F(11, 3) \
	F(12, 4) \
	F(13, 5) \
	F(14, 6) \
	F(15, 7)

#define ROWS(A, B, C, D) \
	ADDPS(1, 0, A) \
	ADDPS(3, 2, B) \
	ADDPS(5, 4, C) \
	ADDPS(7, 6, D)

// Weights of 8 bits: two products, of at most 127*128 each, are within 16 bits.
#define WIDE32 \
	FLDPQ (R2), (F24, F25) \
	FIRST(0, 0, 24)        \
	MORE(64, 1, 24)        \
	WIDEN(SADDLPH)         \
	FIRST(128, 2, 24)      \
	MORE(192, 3, 24)       \
	WIDEN(SADALPH)         \
	FIRST(256, 0, 25)      \
	MORE(320, 1, 25)       \
	WIDEN(SADALPH)         \
	FIRST(384, 2, 25)      \
	MORE(448, 3, 25)       \
	WIDEN(SADALPH)         \
	ROWS(0, 1, 2, 3)

// Weights from -32 to 32: eight products, of at most 32*127 each, are within 16 bits.
#define NARROW32 \
	FLDPQ (R2), (F24, F25) \
	FIRST(0, 0, 24)        \
	MORE(64, 1, 24)        \
	MORE(128, 2, 24)       \
	MORE(192, 3, 24)       \
	MORE(256, 0, 25)       \
	MORE(320, 1, 25)       \
	MORE(384, 2, 25)       \
	MORE(448, 3, 25)       \
	WIDEN(SADDLPH)         \
	ROWS(0, 1, 2, 3)

// The sums of the second half are made first, since ROWS needs all registers.
#define NARROW16 \
	FLDPQ (R2), (F24, F25) \
	FIRST(256, 0, 25)      \
	MORE(320, 1, 25)       \
	MORE(384, 2, 25)       \
	MORE(448, 3, 25)       \
	WIDEN(SADDLPH)         \
	ROWS(25, 26, 27, 7)    \
	COPY(25, 4)            \
	COPY(26, 5)            \
	COPY(27, 6)            \
	FIRST(0, 0, 24)        \
	MORE(64, 1, 24)        \
	MORE(128, 2, 24)       \
	MORE(192, 3, 24)       \
	SADDLPH(8, 20)         \
	SADDLPH(9, 21)         \
	ADDPS(21, 20, 0)       \
	SADDLPH(10, 20)        \
	SADDLPH(11, 21)        \
	ADDPS(21, 20, 1)       \
	SADDLPH(12, 20)        \
	SADDLPH(13, 21)        \
	ADDPS(21, 20, 2)       \
	SADDLPH(14, 20)        \
	SADDLPH(15, 21)        \
	ADDPS(21, 20, 3)

#define FLOATS(A, B, C, D) \
	SCVTF(A, A) \
	SCVTF(B, B) \
	SCVTF(C, C) \
	SCVTF(D, D)

// 16 floats at OFF in the cell.
#define CELLFLOATS(OFF) \
	LDQ2(OFF, 1, 20, 21)    \
	LDQ2(OFF+32, 1, 22, 23)

#define TIMES(M) \
	FMULE(0, M, 20, 20) \
	FMULE(0, M, 21, 21) \
	FMULE(0, M, 22, 22) \
	FMULE(0, M, 23, 23)

// The floats times lane 0 of M are added to A to D, or taken off with F FMLSE.
#define ADDLANE(F, M, A, B, C, D) \
	F(0, M, 20, A) \
	F(0, M, 21, B) \
	F(0, M, 22, C) \
	F(0, M, 23, D)

#define ADDSUMS(S0, S1, S2, S3, A, B, C, D) \
	FLOATS(S0, S1, S2, S3) \
	FMLA(S0, 20, A)        \
	FMLA(S1, 21, B)        \
	FMLA(S2, 22, C)        \
	FMLA(S3, 23, D)

#define CELL32(SUMS) \
	SUMS                   \
	CELLFLOATS(512)        \
	FMOVS block32_d(R3), F24 \
	TIMES(24)              \
	ADDSUMS(0, 1, 2, 3, 16, 17, 18, 19)

#define CELL32MIN(SUMS) \
	CELL32(SUMS)           \
	CELLFLOATS(576)        \
	FMOVS block32_sum(R3), F25 \
	TIMES(24)              \
	ADDLANE(FMLAE, 25, 16, 17, 18, 19)

#define CELL256(SUMS) \
	SUMS                   \
	CELLFLOATS(512)        \
	ADDSUMS(0, 1, 2, 3, 28, 29, 30, 31)

#define CELL256MIN(SUMS) \
	CELL256(SUMS)          \
	CELLFLOATS(576)        \
	FMOVS block256_sum32(R3), F25 \
	ADDLANE(FMLSE, 25, 28, 29, 30, 31)

#define CELL16(SUMS) \
	CELL256(SUMS)          \
	CELLFLOATS(576)        \
	ADDSUMS(4, 5, 6, 7, 28, 29, 30, 31)

#define CELL16MIN(SUMS) \
	CELL256(SUMS)          \
	CELLFLOATS(640)        \
	FMOVS block256_sum16(R3), F25 \
	ADDLANE(FMLSE, 25, 28, 29, 30, 31) \
	CELLFLOATS(576)        \
	ADDSUMS(4, 5, 6, 7, 28, 29, 30, 31) \
	CELLFLOATS(704)        \
	FMOVS block256_sum16+4(R3), F25 \
	ADDLANE(FMLSE, 25, 28, 29, 30, 31)

#define BEGIN1 \
	MOVD  R13, R1             \
	MOVD  R11, R2             \
	MOVD  R12, R3             \
	MOVD  R14, R6             \
	FLDPQ (R4), (F16, F17)    \
	FLDPQ 32(R4), (F18, F19)

#define END1 \
	FSTPQ (F16, F17), (R4)    \
	FSTPQ (F18, F19), 32(R4)  \
	ADD   R7, R4              \
	ADD   R8, R11             \
	ADD   R9, R12

// A function for one vector after the other, in blocks of 32, and cells of SIZE bytes.
#define ONE32(SIZE, CELL) \
	LOADARGS                  \
vector:                           \
	BEGIN1                    \
cell:                             \
	CELL                      \
	ADD   $SIZE, R1           \
	ADD   $32, R2             \
	ADD   $block32__size, R3  \
	SUB   $1, R6              \
	CBNZ  R6, cell            \
	END1                      \
	SUB   $1, R5              \
	CBNZ  R5, vector          \
	RET

// The same in blocks of 256; a cell uses STEP bytes of the sums of the vector's elements.
#define ONE256(SIZE, STEP, CELL) \
	LOADARGS                  \
vector:                           \
	BEGIN1                    \
super:                            \
	CLEAR4(28, 29, 30, 31)    \
	MOVD  $8, R10             \
cell:                             \
	CELL                      \
	ADD   $SIZE, R1           \
	ADD   $32, R2             \
	ADD   $STEP, R3           \
	SUB   $1, R10             \
	CBNZ  R10, cell           \
	FMOVS (block256_d-8*STEP)(R3), F24 \
	ADD   $(block256__size-8*STEP), R3 \
	FMLAE(0, 24, 28, 16)      \
	FMLAE(0, 24, 29, 17)      \
	FMLAE(0, 24, 30, 18)      \
	FMLAE(0, 24, 31, 19)      \
	SUB   $1, R6              \
	CBNZ  R6, super           \
	END1                      \
	SUB   $1, R5              \
	CBNZ  R5, vector          \
	RET

// func dot32SDOT(p *product)
TEXT ·dot32SDOT(SB), NOSPLIT, $0-8
	ONE32(576, CELL32(SUMS32))

// func dot32MinSDOT(p *product)
TEXT ·dot32MinSDOT(SB), NOSPLIT, $0-8
	ONE32(640, CELL32MIN(SUMS32))

// func dot256SDOT(p *product)
TEXT ·dot256SDOT(SB), NOSPLIT, $0-8
	ONE256(576, 4, CELL256(SUMS32))

// func dot256MinSDOT(p *product)
TEXT ·dot256MinSDOT(SB), NOSPLIT, $0-8
	ONE256(640, 4, CELL256MIN(SUMS32))

// func dot16SDOT(p *product)
TEXT ·dot16SDOT(SB), NOSPLIT, $0-8
	ONE256(640, 8, CELL16(SUMS16))

// func dot16MinSDOT(p *product)
TEXT ·dot16MinSDOT(SB), NOSPLIT, $0-8
	ONE256(768, 8, CELL16MIN(SUMS16))

// func dot32WideNEON(p *product)
TEXT ·dot32WideNEON(SB), NOSPLIT, $0-8
	ONE32(576, CELL32(WIDE32))

// func dot32NEON(p *product)
TEXT ·dot32NEON(SB), NOSPLIT, $0-8
	ONE32(576, CELL32(NARROW32))

// func dot32MinNEON(p *product)
TEXT ·dot32MinNEON(SB), NOSPLIT, $0-8
	ONE32(640, CELL32MIN(NARROW32))

// func dot256WideNEON(p *product)
TEXT ·dot256WideNEON(SB), NOSPLIT, $0-8
	ONE256(576, 4, CELL256(WIDE32))

// func dot256MinNEON(p *product)
TEXT ·dot256MinNEON(SB), NOSPLIT, $0-8
	ONE256(640, 4, CELL256MIN(NARROW32))

// func dot16NEON(p *product)
TEXT ·dot16NEON(SB), NOSPLIT, $0-8
	ONE256(640, 8, CELL16(NARROW16))

// func dot16MinNEON(p *product)
TEXT ·dot16MinNEON(SB), NOSPLIT, $0-8
	ONE256(768, 8, CELL16MIN(NARROW16))

// Four vectors by SDOT: eight rows at a time, since registers hold no more: two of integer sums a vector from V0 on, two of
// float sums from V8 on, two of elements from V24 on. V16 and V17 are weights.
// R1: weights, R2, R3, R19 and R20: the vectors' elements, R21 to R24: their blocks, R10: bytes to the cell's scales and R16
// to its sums. R15: bytes to the rows, 0 and then 32; R17: cells left of eight.

#define BEGIN4 \
	ADD  R15, R13, R1         \
	MOVD R11, R2              \
	ADD  R8, R2, R3           \
	ADD  R8, R3, R19          \
	ADD  R8, R19, R20         \
	MOVD R12, R21             \
	ADD  R9, R21, R22         \
	ADD  R9, R22, R23         \
	ADD  R9, R23, R24         \
	MOVD R14, R6

#define LOAD4 \
	ADD   R15, R4, R0         \
	FLDPQ (R0), (F8, F9)      \
	ADD   R7, R0              \
	FLDPQ (R0), (F10, F11)    \
	ADD   R7, R0              \
	FLDPQ (R0), (F12, F13)    \
	ADD   R7, R0              \
	FLDPQ (R0), (F14, F15)

#define STORE4 \
	ADD   R15, R4, R0         \
	FSTPQ (F8, F9), (R0)      \
	ADD   R7, R0              \
	FSTPQ (F10, F11), (R0)    \
	ADD   R7, R0              \
	FSTPQ (F12, F13), (R0)    \
	ADD   R7, R0              \
	FSTPQ (F14, F15), (R0)

#define ELEMENTS4 \
	FLDPQ.P 32(R2), (F24, F25)  \
	FLDPQ.P 32(R3), (F26, F27)  \
	FLDPQ.P 32(R19), (F28, F29) \
	FLDPQ.P 32(R20), (F30, F31)

// Four columns; the elements are lane I of X, X+2, X+4 and X+6.
#define COLUMNS4(OFF, I, X) \
	LDQ2(OFF, 1, 16, 17) \
	SDOT(I, X, 16, 0)    \
	SDOT(I, X, 17, 1)    \
	SDOT(I, X+2, 16, 2)  \
	SDOT(I, X+2, 17, 3)  \
	SDOT(I, X+4, 16, 4)  \
	SDOT(I, X+4, 17, 5)  \
	SDOT(I, X+6, 16, 6)  \
	SDOT(I, X+6, 17, 7)

#define CLEARSUMS4 \
	CLEAR4(0, 1, 2, 3) \
	CLEAR4(4, 5, 6, 7)

#define HALF4(OFF, X) \
	COLUMNS4(OFF, 0, X)     \
	COLUMNS4(OFF+64, 1, X)  \
	COLUMNS4(OFF+128, 2, X) \
	COLUMNS4(OFF+192, 3, X)

#define FLOATS4 \
	FLOATS(0, 1, 2, 3) \
	FLOATS(4, 5, 6, 7)

// Of each vector the float R bytes into its blocks, to A to D.
#define BLOCKFLOATS(R, A, B, C, D) \
	FMOVS (R21)(R), A \
	FMOVS (R22)(R), B \
	FMOVS (R23)(R), C \
	FMOVS (R24)(R), D

// float sum += integer sum times (scale times lane 0 of D)
#define SCALE4(D, S0, S1, A0, A1) \
	FMULE(0, D, 16, 18) \
	FMULE(0, D, 17, 19) \
	FMLA(S0, 18, A0)    \
	FMLA(S1, 19, A1)

// float sum += lane 0 of SUM times (minimum times lane 0 of D)
#define LOW4(D, SUM, A0, A1) \
	FMULE(0, D, 16, 18)   \
	FMULE(0, D, 17, 19)   \
	FMLAE(0, SUM, 18, A0) \
	FMLAE(0, SUM, 19, A1)

#define CELL32x4 \
	CLEARSUMS4                       \
	ELEMENTS4                        \
	HALF4(0, 24)                     \
	HALF4(256, 25)                   \
	BLOCKFLOATS(R10, F20, F21, F22, F23) \
	LDQ2(512, 1, 16, 17)             \
	FLOATS4                          \
	SCALE4(20, 0, 1, 8, 9)           \
	SCALE4(21, 2, 3, 10, 11)         \
	SCALE4(22, 4, 5, 12, 13)         \
	SCALE4(23, 6, 7, 14, 15)

#define CELL32MINx4 \
	CELL32x4                         \
	BLOCKFLOATS(R16, F24, F25, F26, F27) \
	LDQ2(576, 1, 16, 17)             \
	LOW4(20, 24, 8, 9)               \
	LOW4(21, 25, 10, 11)             \
	LOW4(22, 26, 12, 13)             \
	LOW4(23, 27, 14, 15)

// float sums += integer sums times the scales at OFF
#define SCALED4(OFF) \
	LDQ2(OFF, 1, 16, 17) \
	FLOATS4              \
	FMLA(0, 16, 8)       \
	FMLA(1, 17, 9)       \
	FMLA(2, 16, 10)      \
	FMLA(3, 17, 11)      \
	FMLA(4, 16, 12)      \
	FMLA(5, 17, 13)      \
	FMLA(6, 16, 14)      \
	FMLA(7, 17, 15)

// float sums -= the sums of elements at R times the minima at OFF
#define LOWERED4(OFF, R) \
	LDQ2(OFF, 1, 16, 17)               \
	BLOCKFLOATS(R, F20, F21, F22, F23) \
	FMLSE(0, 20, 16, 8)                \
	FMLSE(0, 20, 17, 9)                \
	FMLSE(0, 21, 16, 10)               \
	FMLSE(0, 21, 17, 11)               \
	FMLSE(0, 22, 16, 12)               \
	FMLSE(0, 22, 17, 13)               \
	FMLSE(0, 23, 16, 14)               \
	FMLSE(0, 23, 17, 15)

#define CELL256x4 \
	CLEARSUMS4     \
	ELEMENTS4      \
	HALF4(0, 24)   \
	HALF4(256, 25) \
	SCALED4(512)

#define CELL256MINx4 \
	CELL256x4      \
	LOWERED4(576, R16)

#define CELL16x4 \
	CLEARSUMS4     \
	ELEMENTS4      \
	HALF4(0, 24)   \
	SCALED4(512)   \
	CLEARSUMS4     \
	HALF4(256, 25) \
	SCALED4(576)

#define CELL16MINx4 \
	CLEARSUMS4         \
	ELEMENTS4          \
	HALF4(0, 24)       \
	SCALED4(512)       \
	LOWERED4(640, R16) \
	CLEARSUMS4         \
	HALF4(256, 25)     \
	SCALED4(576)       \
	ADD $4, R16, R25   \
	LOWERED4(704, R25)

// To the next eight rows, or to the next four vectors.
#define NEXT4(VECTORS, ROWS8) \
	EOR  $32, R15             \
	CBNZ R15, ROWS8           \
	ADD  R7<<2, R4            \
	ADD  R8<<2, R11           \
	ADD  R9<<2, R12           \
	SUB  $4, R5               \
	CBNZ R5, VECTORS          \
	RET

// A function for fours of vectors in blocks of 32, and cells of SIZE bytes.
#define FOUR32(SIZE, CELL) \
	LOADARGS                  \
	MOVD ZR, R15              \
rows:                             \
	BEGIN4                    \
	LOAD4                     \
	MOVD $block32_d, R10      \
	MOVD $block32_sum, R16    \
cell:                             \
	CELL                      \
	ADD  $SIZE, R1            \
	ADD  $block32__size, R10  \
	ADD  $block32__size, R16  \
	SUB  $1, R6               \
	CBNZ R6, cell             \
	STORE4                    \
	NEXT4(rows, rows)

#define FLUSH4(D, A, B) \
	FLDPQ (R0), (F16, F17)    \
	FMLAE(0, D, A, 16)        \
	FMLAE(0, D, B, 17)        \
	FSTPQ (F16, F17), (R0)    \
	ADD   R7, R0

// The same in blocks of 256, with the sums of elements from SUMS on, of which a cell uses STEP bytes.
#define FOUR256(SIZE, SUMS, STEP, CELL) \
	LOADARGS                  \
	MOVD ZR, R15              \
rows:                             \
	BEGIN4                    \
	MOVD $block256_d, R10     \
	MOVD $SUMS, R16           \
super:                            \
	CLEAR4(8, 9, 10, 11)      \
	CLEAR4(12, 13, 14, 15)    \
	MOVD $8, R17              \
cell:                             \
	CELL                      \
	ADD  $SIZE, R1            \
	ADD  $STEP, R16           \
	SUB  $1, R17              \
	CBNZ R17, cell            \
	BLOCKFLOATS(R10, F20, F21, F22, F23) \
	ADD  R15, R4, R0          \
	FLUSH4(20, 8, 9)          \
	FLUSH4(21, 10, 11)        \
	FLUSH4(22, 12, 13)        \
	FLUSH4(23, 14, 15)        \
	ADD  $block256__size, R10 \
	ADD  $(block256__size-8*STEP), R16 \
	SUB  $1, R6               \
	CBNZ R6, super            \
	NEXT4(rows, rows)

// func dot32x4SDOT(p *product)
TEXT ·dot32x4SDOT(SB), NOSPLIT, $0-8
	FOUR32(576, CELL32x4)

// func dot32Minx4SDOT(p *product)
TEXT ·dot32Minx4SDOT(SB), NOSPLIT, $0-8
	FOUR32(640, CELL32MINx4)

// func dot256x4SDOT(p *product)
TEXT ·dot256x4SDOT(SB), NOSPLIT, $0-8
	FOUR256(576, block256_sum32, 4, CELL256x4)

// func dot256Minx4SDOT(p *product)
TEXT ·dot256Minx4SDOT(SB), NOSPLIT, $0-8
	FOUR256(640, block256_sum32, 4, CELL256MINx4)

// func dot16x4SDOT(p *product)
TEXT ·dot16x4SDOT(SB), NOSPLIT, $0-8
	FOUR256(640, block256_sum16, 8, CELL16x4)

// func dot16Minx4SDOT(p *product)
TEXT ·dot16Minx4SDOT(SB), NOSPLIT, $0-8
	FOUR256(768, block256_sum16, 8, CELL16MINx4)

// func topBitsNEON(x *float32, n int) uint32
TEXT ·topBitsNEON(SB), NOSPLIT, $0-20
	MOVD  x+0(FP), R0
	MOVD  n+8(FP), R1
	VMOVI $0, V0.B16
	VMOVI $0, V1.B16

loop:
	VLD1.P 64(R0), [V2.S4, V3.S4, V4.S4, V5.S4]
	VSHL   $1, V2.S4, V2.S4
	VSHL   $1, V3.S4, V3.S4
	VSHL   $1, V4.S4, V4.S4
	VSHL   $1, V5.S4, V5.S4
	VUMAX  V2.S4, V3.S4, V2.S4
	VUMAX  V4.S4, V5.S4, V4.S4
	VUMAX  V0.S4, V2.S4, V0.S4
	VUMAX  V1.S4, V4.S4, V1.S4
	SUB    $16, R1
	CBNZ   R1, loop
	VUMAX  V0.S4, V1.S4, V0.S4
	UMAXV(0, 0)
	VMOV   V0.S[0], R0
	LSRW   $1, R0
	MOVW   R0, ret+16(FP)
	RET

// 16 elements as integers in V3; V7 adds them up in fours.
#define ROUND16 \
	FLDPQ.P 32(R1), (F0, F1)  \
	FLDPQ.P 32(R1), (F2, F3)  \
	FMUL(4, 0, 0)             \
	FMUL(4, 1, 1)             \
	FMUL(4, 2, 2)             \
	FMUL(4, 3, 3)             \
	FADD(5, 0, 0)             \
	FADD(5, 1, 1)             \
	FADD(5, 2, 2)             \
	FADD(5, 3, 3)             \
	VUZP1 V1.H8, V0.H8, V0.H8 \
	VUZP1 V3.H8, V2.H8, V2.H8 \
	VUZP1 V2.B16, V0.B16, V3.B16 \
	SADDLPB(3, 6)             \
	SADALPH(6, 7)

// func scaleNEON(q *int8, x *float32, n int, inv float32) int32
// An integer is the low bits of its float plus 0x1.8p23.
TEXT ·scaleNEON(SB), NOSPLIT, $0-36
	MOVD  q+0(FP), R0
	MOVD  x+8(FP), R1
	MOVD  n+16(FP), R2
	FMOVS inv+24(FP), F4
	VDUP  V4.S[0], V4.S4
	VMOVS $0x4b400000, V5
	VDUP  V5.S[0], V5.S4
	VMOVI $0, V7.B16

loop:
	ROUND16
	FMOVQ.P F3, 16(R0)
	SUB     $16, R2
	CBNZ    R2, loop
	VADDV   V7.S4, V7
	VMOV    V7.S[0], R0
	MOVW    R0, ret+32(FP)
	RET
