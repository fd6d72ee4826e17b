//go:build !purego

#include "go_asm.h"
#include "textflag.h"
#include "neon_arm64.h"

// A tile of four rows and up to six vectors has 16 lanes for each pair of them, of which registers hold a quarter: V0 to V3
// are four lanes of the first vector with the rows, and so on up to V23. Each quarter goes through all steps; then the lanes
// are folded from memory.
//
// R1: weights, R3, R14 and R15: bytes to the other rows, R4: to the next step, R2: vectors, R5: bytes to the next step,
// R6: weights of the four rows, R7: their lanes, R8: dst, R9: bytes to the next vector, R10: fours left, R11: steps left,
// R12: bytes to the quarter, R13: its lanes.

#define TILE1(F) \
	F(0, 28, 0, 1, 2, 3)
#define TILE2(F) \
	TILE1(F) \
	F(1, 29, 4, 5, 6, 7)
#define TILE3(F) \
	TILE2(F) \
	F(2, 30, 8, 9, 10, 11)
#define TILE4(F) \
	TILE3(F) \
	F(3, 31, 12, 13, 14, 15)
#define TILE5(F) \
	TILE4(F) \
	F(4, 28, 16, 17, 18, 19)
#define TILE6(F) \
	TILE5(F) \
	F(5, 29, 20, 21, 22, 23)

#define CLEAR(V, X, A, B, C, D) \
	ZERO(A) \
	ZERO(B) \
	ZERO(C) \
	ZERO(D)

#define LOAD(V, X, A, B, C, D) \
	LDQ(256*V, 13, A)     \
	LDQ(256*V+64, 13, B)  \
	LDQ(256*V+128, 13, C) \
	LDQ(256*V+192, 13, D)

#define STORE(V, X, A, B, C, D) \
	STQ(A, 256*V, 13)     \
	STQ(B, 256*V+64, 13)  \
	STQ(C, 256*V+128, 13) \
	STQ(D, 256*V+192, 13)

#define MULTIPLY(V, X, A, B, C, D) \
	LDQ(64*V, 2, X)  \
	FMLA(X, 24, A)   \
	FMLA(X, 25, B)   \
	FMLA(X, 26, C)   \
	FMLA(X, 27, D)

// The 16 lanes at OFF in four, in D.
#define FOLDROW(OFF, D) \
	LDQ2(OFF, 13, D, 5)    \
	LDQ2(OFF+32, 13, 6, 7) \
	FADD(6, D, D)         \
	FADD(7, 5, 5)         \
	FADD(5, D, D)

// Four lanes each of four rows in one sum each, in A. Uses V5 and V6.
#define FOLD4(A, B, C, D) \
	TRN1D(B, A, 5) \
	TRN2D(B, A, 6) \
	FADD(6, 5, A)  \
	TRN1D(D, C, 5) \
	TRN2D(D, C, 6) \
	FADD(6, 5, C)  \
	FADDP(C, A, A)

#define FOLD(V, X, A, B, C, D) \
	FOLDROW(0, 0)     \
	FOLDROW(64, 1)    \
	FOLDROW(128, 2)   \
	FOLDROW(192, 3)   \
	FOLD4(0, 1, 2, 3) \
	FMOVQ F0, (R16)   \
	ADD   R9, R16     \
	ADD   $256, R13

#define TILE(NAME, V) \
TEXT NAME(SB), NOSPLIT, $0-8 \
	MOVD  t+0(FP), R0                  \
	MOVD  floatTile_rowStride(R0), R3  \
	ADD   R3, R3, R14                  \
	ADD   R3, R14, R15                 \
	MOVD  floatTile_step(R0), R4       \
	MOVD  floatTile_vectorStep(R0), R5 \
	MOVD  floatTile_w(R0), R6          \
	MOVD  floatTile_acc(R0), R7        \
	MOVD  floatTile_dst(R0), R8        \
	MOVD  floatTile_dstStride(R0), R9  \
	MOVD  floatTile_fours(R0), R10     \
four:                                      \
	MOVD  ZR, R12                      \
quarter:                                   \
	ADD   R12, R6, R1                  \
	MOVD  floatTile_x(R0), R2          \
	ADD   R12, R2                      \
	ADD   R12, R7, R13                 \
	MOVD  floatTile_steps(R0), R11     \
	MOVBU floatTile_first(R0), R16     \
	CBZ   R16, continued               \
	V(CLEAR)                           \
	B     step                         \
continued:                                 \
	V(LOAD)                            \
step:                                      \
	LDQ(0, 1, 24)                      \
	LDXQ(3, 1, 25)                     \
	LDXQ(14, 1, 26)                    \
	LDXQ(15, 1, 27)                    \
	V(MULTIPLY)                        \
	ADD   R4, R1                       \
	ADD   R5, R2                       \
	SUB   $1, R11                      \
	CBNZ  R11, step                    \
	V(STORE)                           \
	ADD   $16, R12                     \
	CMP   $64, R12                     \
	BNE   quarter                      \
	MOVBU floatTile_last(R0), R16      \
	CBZ   R16, next                    \
	MOVD  R8, R16                      \
	MOVD  R7, R13                      \
	V(FOLD)                            \
	ADD   $16, R8                      \
next:                                      \
	MOVD  floatTile_accStride(R0), R16 \
	ADD   R16, R7                      \
	MOVD  floatTile_fourStride(R0), R16 \
	ADD   R16, R6                      \
	SUB   $1, R10                      \
	CBNZ  R10, four                    \
	RET

// func tile1NEON(t *floatTile), and so on to tile6NEON
TILE(·tile1NEON, TILE1)
TILE(·tile2NEON, TILE2)
TILE(·tile3NEON, TILE3)
TILE(·tile4NEON, TILE4)
TILE(·tile5NEON, TILE5)
TILE(·tile6NEON, TILE6)

// 16 weights at R in A, B, C and D.
#define FROM32(R, A, B, C, D) \
	LDQ2(0, R, A, B)  \
	LDQ2(32, R, C, D)
#define FROM16(R, A, B, C, D) \
	LDQ2(0, R, A, C) \
	FCVTL2H(A, B)    \
	FCVTLH(A, A)     \
	FCVTL2H(C, D)    \
	FCVTLH(C, C)
#define FROMBF(R, A, B, C, D) \
	LDQ2(0, R, A, C) \
	SHLL2H(A, B)     \
	SHLLH(A, A)      \
	SHLL2H(C, D)     \
	SHLLH(C, C)

// 16 products of a row at R with the elements in V16 to V19.
#define ROW(FROM, R, A, B, C, D) \
	FROM(R, 20, 21, 22, 23) \
	FMLA(16, 20, A)         \
	FMLA(17, 21, B)         \
	FMLA(18, 22, C)         \
	FMLA(19, 23, D)

#define ELEMENTS \
	FLDPQ.P 32(R12), (F16, F17) \
	FLDPQ.P 32(R12), (F18, F19)

// 16 lanes in four, in A.
#define FOLD16(A, B, C, D) \
	FADD(C, A, A) \
	FADD(D, B, B) \
	FADD(B, A, A)

// One vector with four rows at a time, at R4 to R7, whose lanes are V0 to V15; then with one.
#define DOTS(NAME, FROM, SIZE) \
TEXT NAME(SB), NOSPLIT, $0-48 \
	MOVD dst+0(FP), R0     \
	MOVD w+8(FP), R1       \
	MOVD stride+16(FP), R2 \
	MOVD rows+24(FP), R3   \
	MOVD x+32(FP), R10     \
	MOVD steps+40(FP), R11 \
	SUBS $4, R3            \
	BLT  rest              \
four:                          \
	MOVD R1, R4            \
	ADD  R2, R4, R5        \
	ADD  R2, R5, R6        \
	ADD  R2, R6, R7        \
	ADD  R2, R7, R1        \
	MOVD R10, R12          \
	MOVD R11, R13          \
	CLEAR(0, 0, 0, 1, 2, 3)     \
	CLEAR(0, 0, 4, 5, 6, 7)     \
	CLEAR(0, 0, 8, 9, 10, 11)   \
	CLEAR(0, 0, 12, 13, 14, 15) \
step4:                         \
	ELEMENTS               \
	ROW(FROM, 4, 0, 1, 2, 3)     \
	ROW(FROM, 5, 4, 5, 6, 7)     \
	ROW(FROM, 6, 8, 9, 10, 11)   \
	ROW(FROM, 7, 12, 13, 14, 15) \
	ADD  $(16*SIZE), R4    \
	ADD  $(16*SIZE), R5    \
	ADD  $(16*SIZE), R6    \
	ADD  $(16*SIZE), R7    \
	SUB  $1, R13           \
	CBNZ R13, step4        \
	FOLD16(0, 1, 2, 3)     \
	FOLD16(4, 5, 6, 7)     \
	FOLD16(8, 9, 10, 11)   \
	FOLD16(12, 13, 14, 15) \
	COPY(4, 1)             \
	FOLD4(0, 1, 8, 12)     \
	FMOVQ.P F0, 16(R0)     \
	SUBS $4, R3            \
	BGE  four              \
rest:                          \
	ADDS $4, R3            \
	BEQ  done              \
one:                           \
	MOVD R1, R4            \
	ADD  R2, R1            \
	MOVD R10, R12          \
	MOVD R11, R13          \
	CLEAR(0, 0, 0, 1, 2, 3) \
step1:                         \
	ELEMENTS               \
	ROW(FROM, 4, 0, 1, 2, 3) \
	ADD  $(16*SIZE), R4    \
	SUB  $1, R13           \
	CBNZ R13, step1        \
	FOLD16(0, 1, 2, 3)     \
	TRN2D(0, 0, 1)         \
	FADD(1, 0, 0)          \
	FADDP(0, 0, 0)         \
	FMOVS.P F0, 4(R0)      \
	SUBS $1, R3            \
	BNE  one               \
done:                          \
	RET

// func dotF32NEON(dst *float32, w *byte, stride, rows int, x *float32, steps int), and the other types
DOTS(·dotF32NEON, FROM32, 4)
DOTS(·dotF16NEON, FROM16, 2)
DOTS(·dotBF16NEON, FROMBF, 2)

#define SPREAD(NAME, FROM, SIZE) \
TEXT NAME(SB), NOSPLIT, $0-40 \
	MOVD dst+0(FP), R0     \
	MOVD src+8(FP), R1     \
	MOVD steps+16(FP), R2  \
	MOVD stride+24(FP), R3 \
	MOVD ahead+32(FP), R4  \
step:                          \
	ADD  R4, R1, R5        \
	PRFM (R5), PLDL1KEEP   \
	FROM(1, 0, 1, 2, 3)    \
	STQ2(0, 1, 0, 0)       \
	STQ2(2, 3, 32, 0)      \
	ADD  $(16*SIZE), R1    \
	ADD  R3, R0            \
	SUB  $1, R2            \
	CBNZ R2, step          \
	RET

// func spreadF32NEON(dst *float32, src *byte, steps, stride, ahead int), and the other types
SPREAD(·spreadF32NEON, FROM32, 4)
SPREAD(·spreadF16NEON, FROM16, 2)
SPREAD(·spreadBF16NEON, FROMBF, 2)

// 16 elements of the rows in V24 to V27, with lane 0 of P.
#define ADDROW(P, A, B, C, D) \
	FMLAE(0, P, 24, A) \
	FMLAE(0, P, 25, B) \
	FMLAE(0, P, 26, C) \
	FMLAE(0, P, 27, D)

// func addRowsNEON(out, w *float32, stride, rows int, p *float32, parts int)
// 64 elements at a time, then 16.
TEXT ·addRowsNEON(SB), NOSPLIT, $0-48
	MOVD out+0(FP), R0
	MOVD w+8(FP), R1
	MOVD stride+16(FP), R2
	MOVD rows+24(FP), R3
	MOVD p+32(FP), R4
	MOVD parts+40(FP), R5
	SUBS $4, R5
	BLT  rest

wide:
	LDQ2(0, 0, 0, 1)
	LDQ2(32, 0, 2, 3)
	LDQ2(64, 0, 4, 5)
	LDQ2(96, 0, 6, 7)
	LDQ2(128, 0, 8, 9)
	LDQ2(160, 0, 10, 11)
	LDQ2(192, 0, 12, 13)
	LDQ2(224, 0, 14, 15)
	MOVD R1, R6
	MOVD R4, R7
	MOVD R3, R8

row4:
	FMOVS.P 4(R7), F28
	FLDPQ   (R6), (F24, F25)
	FLDPQ   32(R6), (F26, F27)
	ADDROW(28, 0, 1, 2, 3)
	FLDPQ   64(R6), (F24, F25)
	FLDPQ   96(R6), (F26, F27)
	ADDROW(28, 4, 5, 6, 7)
	FLDPQ   128(R6), (F24, F25)
	FLDPQ   160(R6), (F26, F27)
	ADDROW(28, 8, 9, 10, 11)
	FLDPQ   192(R6), (F24, F25)
	FLDPQ   224(R6), (F26, F27)
	ADDROW(28, 12, 13, 14, 15)
	ADD     R2, R6
	SUB     $1, R8
	CBNZ    R8, row4
	STQ2(0, 1, 0, 0)
	STQ2(2, 3, 32, 0)
	STQ2(4, 5, 64, 0)
	STQ2(6, 7, 96, 0)
	STQ2(8, 9, 128, 0)
	STQ2(10, 11, 160, 0)
	STQ2(12, 13, 192, 0)
	STQ2(14, 15, 224, 0)
	ADD     $256, R0
	ADD     $256, R1
	SUBS    $4, R5
	BGE     wide

rest:
	ADDS $4, R5
	BEQ  done

part:
	LDQ2(0, 0, 0, 1)
	LDQ2(32, 0, 2, 3)
	MOVD R1, R6
	MOVD R4, R7
	MOVD R3, R8

row1:
	FMOVS.P 4(R7), F28
	FLDPQ   (R6), (F24, F25)
	FLDPQ   32(R6), (F26, F27)
	ADDROW(28, 0, 1, 2, 3)
	ADD     R2, R6
	SUB     $1, R8
	CBNZ    R8, row1
	STQ2(0, 1, 0, 0)
	STQ2(2, 3, 32, 0)
	ADD     $64, R0
	ADD     $64, R1
	SUBS    $1, R5
	BNE     part

done:
	RET

// Two to six outputs, 16 elements at a time: V0 to V3 are the first one's, and so on. F(AT, F, N, A, B, C, D): AT points to the
// output's factors.
#define SUMS2(F) \
	F(R19, F28, 28, 0, 1, 2, 3) \
	F(R20, F29, 29, 4, 5, 6, 7)
#define SUMS3(F) \
	SUMS2(F) \
	F(R21, F30, 30, 8, 9, 10, 11)
#define SUMS4(F) \
	SUMS3(F) \
	F(R22, F31, 31, 12, 13, 14, 15)
#define SUMS5(F) \
	SUMS4(F) \
	F(R23, F28, 28, 16, 17, 18, 19)
#define SUMS6(F) \
	SUMS5(F) \
	F(R24, F29, 29, 20, 21, 22, 23)

#define FACTORS(AT, F, N, A, B, C, D) \
	MOVD R7, AT   \
	ADD  R4, R7

#define LOADSUM(AT, F, N, A, B, C, D) \
	LDQ2(0, 6, A, B)  \
	LDQ2(32, 6, C, D) \
	ADD R2, R6

#define STORESUM(AT, F, N, A, B, C, D) \
	STQ2(A, B, 0, 6)  \
	STQ2(C, D, 32, 6) \
	ADD R2, R6

#define ADDSUM(AT, F, N, A, B, C, D) \
	FMOVS.P 4(AT), F \
	ADDROW(N, A, B, C, D)

// R1: outputs, R2: bytes to the next, R4: to the next one's factors, R3: rows, R5: bytes to the next, R8: parts left.
#define MIX(NAME, V) \
TEXT NAME(SB), NOSPLIT, $0-8 \
	MOVD  m+0(FP), R0            \
	MOVD  mix_out(R0), R1        \
	MOVD  mix_outStride(R0), R2  \
	MOVD  mix_w(R0), R3          \
	MOVD  mix_pStride(R0), R4    \
	MOVD  mix_stride(R0), R5     \
	MOVD  mix_parts(R0), R8      \
part:                                \
	MOVD  mix_p(R0), R7          \
	V(FACTORS)                   \
	MOVD  R1, R6                 \
	V(LOADSUM)                   \
	MOVD  R3, R9                 \
	MOVD  mix_rows(R0), R10      \
row:                                 \
	FLDPQ (R9), (F24, F25)       \
	FLDPQ 32(R9), (F26, F27)     \
	V(ADDSUM)                    \
	ADD   R5, R9                 \
	SUB   $1, R10                \
	CBNZ  R10, row               \
	MOVD  R1, R6                 \
	V(STORESUM)                  \
	ADD   $64, R1                \
	ADD   $64, R3                \
	SUB   $1, R8                 \
	CBNZ  R8, part               \
	RET

// func mix2NEON(m *mix), and so on to mix6NEON
MIX(·mix2NEON, SUMS2)
MIX(·mix3NEON, SUMS3)
MIX(·mix4NEON, SUMS4)
MIX(·mix5NEON, SUMS5)
MIX(·mix6NEON, SUMS6)
