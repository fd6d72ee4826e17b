//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"
#include "rows_arm64.h"

// Products of 16 rows in the layout of the file with one vector. Packing would be most of the work for one vector, so that
// here a register is 16 columns of one row. Four rows go through all blocks, then the next four.
//
// R2 to R5: the blocks of the rows, R10: elements, R11: block of the vector, R8: blocks left, R7: dst, R9: fours of rows
// left, R1: the next rows, R6: bytes from row to row. R12: what is wanted soon. V24: the float sums of the four rows, V26: those of 256 columns; V31
// is 15 in every byte.

#define ARGS \
	MOVD  src+8(FP), R1        \
	MOVD  stride+16(FP), R6    \
	MOVD  ahead+32(FP), R12    \
	ADD   R1, R12              \
	MOVD  out+40(FP), R7       \
	MOVD  $4, R9               \
	VMOVI $15, V31.B16

// Some cache lines of what is wanted soon; then R12 goes on as far as the rows do together.
#define FETCH2 \
	PRFM (R12), PLDL2KEEP   \
	PRFM 64(R12), PLDL2KEEP

#define FETCH3 \
	FETCH2                   \
	PRFM 128(R12), PLDL2KEEP

#define BEGIN \
	MOVD  q+48(FP), R10           \
	MOVD  block+56(FP), R11       \
	MOVD  blocks+24(FP), R8       \
	MOVD  R1, R2                  \
	ADD   R6, R2, R3              \
	ADD   R6, R3, R4              \
	ADD   R6, R4, R5              \
	ADD   R6, R5, R1              \
	FMOVQ (R7), F24

#define NEXT(SIZE, VECTOR, ROWS, BLOCK) \
	ADD     $SIZE, R2       \
	ADD     $SIZE, R3       \
	ADD     $SIZE, R4       \
	ADD     $SIZE, R5       \
	ADD     $VECTOR, R11    \
	SUB     $1, R8          \
	CBNZ    R8, BLOCK       \
	FMOVQ.P F24, 16(R7)     \
	SUB     $1, R9          \
	CBNZ    R9, ROWS        \
	RET

// SUM = four parts of the product of 32 weights in W and W2 with elements in X and X2. WIDE takes weights of 8 bits, NARROW
// those from -32 to 32: see quant_arm64.s. Uses V30.
#define DOT(W, W2, X, X2, SUM) \
	ZERO(SUM)         \
	SDOTV(X, W, SUM)  \
	SDOTV(X2, W2, SUM)

#define WIDE(W, W2, X, X2, SUM) \
	SMULL(X, W, 30)    \
	SMLAL2(X, W, 30)   \
	SADDLPH(30, SUM)   \
	SMULL(X2, W2, 30)  \
	SMLAL2(X2, W2, 30) \
	SADALPH(30, SUM)

#define NARROW(W, W2, X, X2, SUM) \
	SMULL(X, W, 30)    \
	SMLAL2(X, W, 30)   \
	SMLAL(X2, W2, 30)  \
	SMLAL2(X2, W2, 30) \
	SADDLPH(30, SUM)

// The sums of the parts of A to D, in A.
#define SUM4(A, B, C, D) \
	ADDPS(B, A, A) \
	ADDPS(D, C, C) \
	ADDPS(C, A, A)

// Of blocks of 32 with scales alone, V0 being the integer sums.
#define SCALED \
	HALVES(22)               \
	FMOVS block32_d(R11), F23 \
	FMULE(0, 23, 22, 22)     \
	SCVTF(0, 0)              \
	FMLA(0, 22, 24)

#define ROW8(PRODUCT, R, SUM) \
	LDUQ(2, R, 20)  \
	LDUQ(18, R, 21) \
	PRODUCT(20, 21, 16, 17, SUM)

#define MULQ8(NAME, PRODUCT) \
TEXT NAME(SB), NOSPLIT, $0-64       \
	ARGS                        \
rows:                               \
	BEGIN                       \
block:                              \
	FETCH3                      \
	ADD     $136, R12           \
	FLDPQ.P 32(R10), (F16, F17) \
	ROW8(PRODUCT, 2, 0)         \
	ROW8(PRODUCT, 3, 1)         \
	ROW8(PRODUCT, 4, 2)         \
	ROW8(PRODUCT, 5, 3)         \
	SUM4(0, 1, 2, 3)            \
	SCALED                      \
	NEXT(34, block32__size, rows, block)

#define ROW4(PRODUCT, R, SUM) \
	LDUQ(2, R, 20)   \
	ANDB(31, 20, 21) \
	SHRB(4, 20, 20)  \
	PRODUCT(21, 20, 16, 17, SUM)

// The 8 that weights are too large by is taken off the sums.
#define MULQ4(NAME, PRODUCT) \
TEXT NAME(SB), NOSPLIT, $0-64       \
	ARGS                        \
rows:                               \
	BEGIN                       \
block:                              \
	FETCH2                      \
	ADD     $72, R12            \
	FLDPQ.P 32(R10), (F16, F17) \
	FMOVS   block32_bias+8(R11), F25 \
	ROW4(PRODUCT, 2, 0)         \
	ROW4(PRODUCT, 3, 1)         \
	ROW4(PRODUCT, 4, 2)         \
	ROW4(PRODUCT, 5, 3)         \
	SUM4(0, 1, 2, 3)            \
	DUPS(0, 25, 25)             \
	ADDINT(25, 0, 0)            \
	SCALED                      \
	NEXT(18, block32__size, rows, block)

// Byte K of each word of W as a float times D, in TO.
#define SCALE(K, W, D, TO) \
	SHLS(24-8*(K), W, TO) \
	SHRS(24, TO, TO)    \
	SCVTF(TO, TO)       \
	FMUL(D, TO, TO)

// A block of 32: integer sums in SUM, scales and minima byte K of S and M, and J its number.
#define LEVELS(SUM, J, K, S, M) \
	SCALE(K, S, 20, 28)   \
	SCALE(K, M, 21, 29)   \
	SCVTF(SUM, SUM)       \
	FMLA(SUM, 28, 26)     \
	FMOVS (block256_sum32+4*(J))(R11), F30 \
	FMLSE(0, 30, 29, 26)

// 64 weights of a row, of which the first 32 are the low halves of 32 bytes.
#define ROW4K(PRODUCT, OFF, R, LOW, HIGH) \
	LDQ2(OFF, R, 8, 9) \
	ANDB(31, 8, 10)    \
	ANDB(31, 9, 11)    \
	SHRB(4, 8, 8)      \
	SHRB(4, 9, 9)      \
	PRODUCT(10, 11, 16, 17, LOW) \
	PRODUCT(8, 9, 18, 19, HIGH)

#define PAIR(PRODUCT, OFF, J, K, S, M) \
	FETCH3                       \
	ADD     $144, R12            \
	FLDPQ.P 32(R10), (F16, F17)  \
	FLDPQ.P 32(R10), (F18, F19)  \
	ROW4K(PRODUCT, OFF, 2, 0, 4) \
	ROW4K(PRODUCT, OFF, 3, 1, 5) \
	ROW4K(PRODUCT, OFF, 4, 2, 6) \
	ROW4K(PRODUCT, OFF, 5, 3, 7) \
	SUM4(0, 1, 2, 3)             \
	SUM4(4, 5, 6, 7)             \
	LEVELS(0, J, K, S, M)        \
	LEVELS(4, J+1, K+1, S, M)

#define MULQ4K(NAME, PRODUCT) \
TEXT NAME(SB), NOSPLIT, $0-64       \
	ARGS                        \
rows:                               \
	BEGIN                       \
block:                              \
	VMOVI $63, V30.B16          \
	SUPERSCALES                 \
	ZERO(26)                    \
	PAIR(PRODUCT, 16, 0, 0, 22, 23)  \
	PAIR(PRODUCT, 48, 2, 2, 22, 23)  \
	PAIR(PRODUCT, 80, 4, 0, 27, 25)  \
	PAIR(PRODUCT, 112, 6, 2, 27, 25) \
	FMOVS block256_d(R11), F28  \
	FMLAE(0, 28, 26, 24)        \
	NEXT(144, block256__size, rows, block)

// Four parts of the product of 16 weights in W with elements in X. Uses V15.
#define DOT16(W, X, SUM) \
	ZERO(SUM)        \
	SDOTV(X, W, SUM)

#define NARROW16(W, X, SUM) \
	SMULL(X, W, 15)  \
	SMLAL2(X, W, 15) \
	SADDLPH(15, SUM)

// The elements in V16 to V19 with 16 weights each of four blocks of 32, to S and the registers behind it.
#define ROW6(PRODUCT, LOW, HIGH, R, S) \
	LDUQ(HIGH, R, 20)   \
	LDUQ(LOW, R, 21)    \
	LDUQ(LOW+32, R, 22) \
	SIXLOW(SHLB, 4, 20, 21, 12, 13, 23) \
	PRODUCT(23, 16, S)                  \
	SIXLOW(SHLB, 2, 20, 22, 12, 13, 23) \
	PRODUCT(23, 17, S+1)                \
	SIXHIGH(SHLB, 0, 20, 21, 13, 23)    \
	PRODUCT(23, 18, S+2)                \
	SIXHIGH(SHRB, 2, 20, 22, 13, 23)    \
	PRODUCT(23, 19, S+3)

#define SUMPAIRS(A) \
	ADDPS(4, 0, A)   \
	ADDPS(5, 1, A+1) \
	ADDPS(6, 2, A+2) \
	ADDPS(7, 3, A+3)

// The sums of four rows, of elements from X on, to SUMS and the registers behind it.
#define HALF6(PRODUCT, X, LOW, HIGH, SUMS) \
	FETCH3             \
	PRFM 192(R12), PLDL2KEEP \
	ADD $210, R12      \
	LDQ(X, 10, 16)     \
	LDQ(X+32, 10, 17)  \
	LDQ(X+64, 10, 18)  \
	LDQ(X+96, 10, 19)  \
	ROW6(PRODUCT, LOW, HIGH, 2, 0) \
	ROW6(PRODUCT, LOW, HIGH, 3, 4) \
	SUMPAIRS(8)                    \
	ROW6(PRODUCT, LOW, HIGH, 4, 0) \
	ROW6(PRODUCT, LOW, HIGH, 5, 4) \
	SUMPAIRS(0)                    \
	ADDPS(0, 8, SUMS)    \
	ADDPS(1, 9, SUMS+1)  \
	ADDPS(2, 10, SUMS+2) \
	ADDPS(3, 11, SUMS+3)

// A block of 16, J: integer sums in SUM, from which is taken what 32 too much in each weight adds, and scales byte K of S.
#define LEVEL6(SUM, J, K, S) \
	FMOVS (block256_bias16+4*(J))(R11), F21 \
	DUPS(0, 21, 21)        \
	ADDINT(21, SUM, SUM)   \
	SCVTF(SUM, SUM)        \
	SHLS(24-8*(K), S, 22)  \
	SARS(24, 22, 22)       \
	SCVTF(22, 22)          \
	FMUL(20, 22, 22)       \
	FMLA(SUM, 22, 14)

#define LEVELS6(J, S, S2) \
	WORDS(192, 8, 9, 10, 11) \
	FMOVS 206(R2), F20       \
	FMOVS 206(R3), F21       \
	FMOVS 206(R4), F22       \
	FMOVS 206(R5), F23       \
	TRN1S(21, 20, 20)        \
	TRN1S(23, 22, 22)        \
	TRN1D(22, 20, 20)        \
	HIGHH(20, 20)            \
	FCVTLH(20, 20)           \
	LEVEL6(24, J, 0, S)      \
	LEVEL6(28, J+1, 1, S)    \
	LEVEL6(25, J+2, 2, S)    \
	LEVEL6(29, J+3, 3, S)    \
	LEVEL6(26, J+4, 0, S2)   \
	LEVEL6(30, J+5, 1, S2)   \
	LEVEL6(27, J+6, 2, S2)   \
	LEVEL6(31, J+7, 3, S2)

// V12 is 15 and V13 48 in every byte, V14 the float sums of 256 columns; V24 to V31 are the integer sums of half of them.
#define MULQ6K(NAME, PRODUCT) \
TEXT NAME(SB), NOSPLIT, $0-64       \
	ARGS                        \
	VMOVI $15, V12.B16          \
	VMOVI $48, V13.B16          \
rows:                               \
	BEGIN                       \
block:                              \
	ZERO(14)                    \
	HALF6(PRODUCT, 0, 0, 128, 24)    \
	HALF6(PRODUCT, 16, 16, 144, 28)  \
	LEVELS6(0, 8, 9)                 \
	HALF6(PRODUCT, 128, 64, 160, 24) \
	HALF6(PRODUCT, 144, 80, 176, 28) \
	LEVELS6(8, 10, 11)          \
	FMOVQ (R7), F24             \
	FMOVS block256_d(R11), F20  \
	FMLAE(0, 20, 14, 24)        \
	FMOVQ F24, (R7)             \
	ADD   $256, R10             \
	NEXT(210, block256__size, rows, block)

// func mulQ8SDOT(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer), and the other types
MULQ8(·mulQ8SDOT, DOT)
MULQ4(·mulQ4SDOT, DOT)
MULQ4K(·mulQ4KSDOT, DOT)
MULQ6K(·mulQ6KSDOT, DOT16)

// func mulQ8NEON(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer), and the other types
MULQ8(·mulQ8NEON, WIDE)
MULQ4(·mulQ4NEON, NARROW)
MULQ4K(·mulQ4KNEON, NARROW)
MULQ6K(·mulQ6KNEON, NARROW16)
