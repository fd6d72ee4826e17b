//go:build !purego

#include "textflag.h"
#include "neon_arm64.h"
#include "rows_arm64.h"

// Packing 16 rows (see packed.go for the layout; decode_blocks.go and decode_super.go say what blocks hold). Four rows are
// packed at a time: 16 bytes of each are transposed as 4 by 4 words, after which a register has four bytes each of the four
// rows. Bits are taken apart after that, in four times as many weights at once.
//
// R0: where the four rows begin in dst, R1: the first row, R6: bytes to the next, R7: blocks, R9: fours of rows left.
// R2 to R5: the blocks of four rows, R8: blocks left, R10: the cell.

#define ARGS \
	MOVD dst+0(FP), R0     \
	MOVD src+8(FP), R1     \
	MOVD stride+16(FP), R6 \
	MOVD blocks+24(FP), R7 \
	MOVD $4, R9

#define BEGIN \
	MOVD R1, R2      \
	ADD  R6, R2, R3  \
	ADD  R6, R3, R4  \
	ADD  R6, R4, R5  \
	ADD  R6, R5, R1  \
	MOVD R0, R10     \
	MOVD R7, R8

#define NEXTBLOCK(SIZE, CELLS, BLOCK) \
	ADD  $SIZE, R2   \
	ADD  $SIZE, R3   \
	ADD  $SIZE, R4   \
	ADD  $SIZE, R5   \
	ADD  $CELLS, R10 \
	SUB  $1, R8      \
	CBNZ R8, BLOCK

#define NEXTROWS(ROWS) \
	ADD  $16, R0  \
	SUB  $1, R9   \
	CBNZ R9, ROWS \
	RET

// To 16 columns of a cell, at OFF.
#define STORE4(A, B, C, D, OFF) \
	STQ(A, OFF, 10)     \
	STQ(B, OFF+64, 10)  \
	STQ(C, OFF+128, 10) \
	STQ(D, OFF+192, 10)

// func columnsNEON(dst *byte, q *int8, stride, blocks, cell int)
TEXT ·columnsNEON(SB), NOSPLIT, $0-40
	MOVD dst+0(FP), R0
	MOVD q+8(FP), R1
	MOVD stride+16(FP), R6
	MOVD blocks+24(FP), R7
	MOVD cell+32(FP), R11
	MOVD $4, R9

rows:
	BEGIN

block:
	WORDS(0, 16, 17, 18, 19)
	STORE4(16, 17, 18, 19, 0)
	WORDS(16, 16, 17, 18, 19)
	STORE4(16, 17, 18, 19, 256)
	ADD R11, R10
	NEXTBLOCK(32, 0, block)
	NEXTROWS(rows)

// func packQ8NEON(dst, src *byte, stride, blocks int)
TEXT ·packQ8NEON(SB), NOSPLIT, $0-32
	ARGS

rows:
	BEGIN

block:
	WORDS(2, 16, 17, 18, 19)
	STORE4(16, 17, 18, 19, 0)
	WORDS(18, 16, 17, 18, 19)
	STORE4(16, 17, 18, 19, 256)
	HALVES(20)
	STQ(20, 512, 10)
	NEXTBLOCK(34, 576, block)
	NEXTROWS(rows)

// The low halves of the bytes in V16 to V19 to V20 to V23, and the high ones to V24 to V27; V31 is 15 in every byte.
#define NIBBLES \
	ANDB(31, 16, 20) \
	ANDB(31, 17, 21) \
	ANDB(31, 18, 22) \
	ANDB(31, 19, 23) \
	SHRB(4, 16, 24) \
	SHRB(4, 17, 25) \
	SHRB(4, 18, 26) \
	SHRB(4, 19, 27)

// F with V30 for all that NIBBLES makes.
#define EIGHT(F) \
	F(20) \
	F(21) \
	F(22) \
	F(23) \
	F(24) \
	F(25) \
	F(26) \
	F(27)

#define LESS(D) SUBB(30, D, D)
#define PLACE(D) TBL(D, 30, D)

#define STORE8 \
	STORE4(20, 21, 22, 23, 0) \
	STORE4(24, 25, 26, 27, 256)

// func packQ4NEON(dst, src *byte, stride, blocks int)
TEXT ·packQ4NEON(SB), NOSPLIT, $0-32
	ARGS
	VMOVI $15, V31.B16
	VMOVI $8, V30.B16

rows:
	BEGIN

block:
	WORDS(2, 16, 17, 18, 19)
	NIBBLES
	EIGHT(LESS)
	STORE8
	HALVES(20)
	STQ(20, 512, 10)
	NEXTBLOCK(18, 576, block)
	NEXTROWS(rows)

// func packNLNEON(dst, src *byte, stride, blocks int, table *int8)
TEXT ·packNLNEON(SB), NOSPLIT, $0-40
	MOVD  table+32(FP), R11
	FMOVQ (R11), F30
	ARGS
	VMOVI $15, V31.B16

rows:
	BEGIN

block:
	WORDS(2, 16, 17, 18, 19)
	NIBBLES
	EIGHT(PLACE)
	STORE8
	HALVES(20)
	STQ(20, 512, 10)
	NEXTBLOCK(18, 576, block)
	NEXTROWS(rows)

// Scales and minima of a block with both first; uses V16 to V19.
#define HALVES2(SCALES, MINIMA) \
	FMOVS (R2), F16         \
	FMOVS (R3), F17         \
	FMOVS (R4), F18         \
	FMOVS (R5), F19         \
	TRN1S(17, 16, 16)       \
	TRN1S(19, 18, 18)       \
	TRN1D(18, 16, 16)       \
	LOWH(16, SCALES)        \
	HIGHH(16, MINIMA)       \
	FCVTLH(SCALES, SCALES)  \
	FCVTLH(MINIMA, MINIMA)

// func packQ4MinNEON(dst, src *byte, stride, blocks int)
TEXT ·packQ4MinNEON(SB), NOSPLIT, $0-32
	ARGS
	VMOVI $15, V31.B16

rows:
	BEGIN

block:
	WORDS(4, 16, 17, 18, 19)
	NIBBLES
	STORE8
	HALVES2(20, 21)
	STQ(20, 512, 10)
	STQ(21, 576, 10)
	NEXTBLOCK(20, 640, block)
	NEXTROWS(rows)

// Bits of the rows' words in V16, from J on, of four weights, as 16 or 0 in every byte of W. V29 has the place of the first
// byte of a row's word in each of its bytes, V28 1, 2, 4 and 8 and V27 16, 32, 64 and 128 for each row, V26 1 in every byte.
#define FIFTH(MASK, W) \
	TBL(17, 16, 18)     \
	TSTB(MASK, 18, 18)  \
	ANDB(25, 18, 18)     \
	ORB(18, W, W)
#define FIFTH2(A, B) \
	FIFTH(28, A)        \
	FIFTH(27, B)        \
	ADDB(26, 17, 17)

DATA fifth<>+0(SB)/8, $0x0404040400000000
DATA fifth<>+8(SB)/8, $0x0c0c0c0c08080808
DATA fifth<>+16(SB)/8, $0x0804020108040201
DATA fifth<>+24(SB)/8, $0x8040201080402010
GLOBL fifth<>(SB), RODATA|NOPTR, $32

#define FIFTHCONSTANTS \
	MOVD  $fifth<>(SB), R11 \
	FMOVQ (R11), F29        \
	FMOVD 16(R11), F28      \
	VDUP  V28.D[0], V28.D2  \
	FMOVD 24(R11), F27      \
	VDUP  V27.D[0], V27.D2  \
	VMOVI $1, V26.B16       \
	VMOVI $16, V25.B16      \
	VMOVI $15, V31.B16

// The weights of 16 bytes at OFF, with fifth bits at BITS, in V8 to V15.
#define FIVEBITS(OFF, BITS) \
	WORDS(OFF, 8, 9, 10, 11) \
	SHRB(4, 8, 12)           \
	SHRB(4, 9, 13)           \
	SHRB(4, 10, 14)          \
	SHRB(4, 11, 15)          \
	ANDB(31, 8, 8)            \
	ANDB(31, 9, 9)            \
	ANDB(31, 10, 10)          \
	ANDB(31, 11, 11)          \
	FMOVS BITS(R2), F16      \
	FMOVS BITS(R3), F17      \
	FMOVS BITS(R4), F18      \
	FMOVS BITS(R5), F19      \
	TRN1S(17, 16, 16)        \
	TRN1S(19, 18, 18)        \
	TRN1D(18, 16, 16)        \
	COPY(29, 17)             \
	FIFTH2(8, 9)             \
	FIFTH2(10, 11)           \
	FIFTH2(12, 13)           \
	FIFTH2(14, 15)

// func packQ5NEON(dst, src *byte, stride, blocks int)
TEXT ·packQ5NEON(SB), NOSPLIT, $0-32
	ARGS
	FIFTHCONSTANTS

rows:
	BEGIN

block:
	FIVEBITS(6, 2)
	SUBB(25, 8, 8)
	SUBB(25, 9, 9)
	SUBB(25, 10, 10)
	SUBB(25, 11, 11)
	SUBB(25, 12, 12)
	SUBB(25, 13, 13)
	SUBB(25, 14, 14)
	SUBB(25, 15, 15)
	STORE4(8, 9, 10, 11, 0)
	STORE4(12, 13, 14, 15, 256)
	HALVES(20)
	STQ(20, 512, 10)
	NEXTBLOCK(22, 576, block)
	NEXTROWS(rows)

// func packQ5MinNEON(dst, src *byte, stride, blocks int)
TEXT ·packQ5MinNEON(SB), NOSPLIT, $0-32
	ARGS
	FIFTHCONSTANTS

rows:
	BEGIN

block:
	FIVEBITS(8, 4)
	STORE4(8, 9, 10, 11, 0)
	STORE4(12, 13, 14, 15, 256)
	HALVES2(20, 21)
	STQ(20, 512, 10)
	STQ(21, 576, 10)
	NEXTBLOCK(24, 640, block)
	NEXTROWS(rows)

// Byte K of each word in W, as a float times D, to OFF in the cell; SAR is SARS for signed bytes.
#define SCALE(SAR, K, W, D, OFF) \
	SHLS(24-8*(K), W, 0) \
	SAR(24, 0, 0)      \
	SCVTF(0, 0)        \
	FMUL(D, 0, 0)      \
	STQ(0, OFF, 10)

// Four of them, cells apart.
#define SCALES4(W, D, OFF) \
	SCALE(SHRS, 0, W, D, OFF)      \
	SCALE(SHRS, 1, W, D, OFF+640)  \
	SCALE(SHRS, 2, W, D, OFF+1280) \
	SCALE(SHRS, 3, W, D, OFF+1920)

// The scales and minima of Q4_K and Q5_K to their cells.
#define SUPERCELLS \
	SUPERSCALES              \
	SCALES4(22, 20, 512)     \
	SCALES4(27, 20, 3072)    \
	SCALES4(23, 21, 576)     \
	SCALES4(25, 21, 3136)

// 16 columns each of two cells.
#define FOURBITS(OFF, CELL) \
	WORDS(OFF, 16, 17, 18, 19)       \
	NIBBLES                          \
	STORE4(20, 21, 22, 23, CELL)     \
	STORE4(24, 25, 26, 27, CELL+640)

// func packQ4KNEON(dst, src *byte, stride, blocks int)
TEXT ·packQ4KNEON(SB), NOSPLIT, $0-32
	ARGS
	VMOVI $15, V31.B16
	VMOVI $63, V30.B16

rows:
	BEGIN

block:
	SUPERCELLS
	FOURBITS(16, 0)
	FOURBITS(32, 256)
	FOURBITS(48, 1280)
	FOURBITS(64, 1536)
	FOURBITS(80, 2560)
	FOURBITS(96, 2816)
	FOURBITS(112, 3840)
	FOURBITS(128, 4096)
	NEXTBLOCK(144, 5120, block)
	NEXTROWS(rows)

// W gets the bit of H that SHIFT by K brings to place 4; V29 is 16 in every byte.
#define HIGHBIT(SHIFT, K, H, W) \
	SHIFT(K, H, 0)  \
	ANDB(29, 0, 0)   \
	ORB(0, W, W)

#define HIGHBITS(SHIFT, K, H, W) \
	HIGHBIT(SHIFT, K, H, W)     \
	HIGHBIT(SHIFT, K, H+1, W+1) \
	HIGHBIT(SHIFT, K, H+2, W+2) \
	HIGHBIT(SHIFT, K, H+3, W+3)

// As FOURBITS, with fifth bits in V8 to V11 or, with H 12, V12 to V15.
#define FIVEBITSK(OFF, CELL, SHIFT, K, SHIFT2, K2, H) \
	WORDS(OFF, 16, 17, 18, 19)       \
	NIBBLES                          \
	HIGHBITS(SHIFT, K, H, 20)        \
	HIGHBITS(SHIFT2, K2, H, 24)      \
	STORE4(20, 21, 22, 23, CELL)     \
	STORE4(24, 25, 26, 27, CELL+640)

// func packQ5KNEON(dst, src *byte, stride, blocks int)
TEXT ·packQ5KNEON(SB), NOSPLIT, $0-32
	ARGS
	VMOVI $15, V31.B16
	VMOVI $63, V30.B16
	VMOVI $16, V29.B16

rows:
	BEGIN

block:
	SUPERCELLS
	WORDS(16, 8, 9, 10, 11)
	WORDS(32, 12, 13, 14, 15)
	FIVEBITSK(48, 0, SHLB, 4, SHLB, 3, 8)
	FIVEBITSK(64, 256, SHLB, 4, SHLB, 3, 12)
	FIVEBITSK(80, 1280, SHLB, 2, SHLB, 1, 8)
	FIVEBITSK(96, 1536, SHLB, 2, SHLB, 1, 12)
	FIVEBITSK(112, 2560, SHLB, 0, SHRB, 1, 8)
	FIVEBITSK(128, 2816, SHLB, 0, SHRB, 1, 12)
	FIVEBITSK(144, 3840, SHRB, 2, SHRB, 3, 8)
	FIVEBITSK(160, 4096, SHRB, 2, SHRB, 3, 12)
	NEXTBLOCK(176, 5120, block)
	NEXTROWS(rows)

// Weights less 32 to OFF in the cell; V30 is 32 in every byte.
#define LOWSIX(SHIFT, K, H, W, OFF) \
	SIXLOW(SHIFT, K, H, W, 31, 29, 0) \
	SUBB(30, 0, 0) \
	STQ(0, OFF, 10)

#define HIGHSIX(SHIFT, K, H, W, OFF) \
	SIXHIGH(SHIFT, K, H, W, 29, 0) \
	SUBB(30, 0, 0) \
	STQ(0, OFF, 10)

// Four columns each of four cells: H has high bits, and A and B the low ones.
#define SIXCELLS(H, A, B, OFF) \
	LOWSIX(SHLB, 4, H, A, OFF)       \
	LOWSIX(SHLB, 2, H, B, OFF+640)   \
	HIGHSIX(SHLB, 0, H, A, OFF+1280) \
	HIGHSIX(SHRB, 2, H, B, OFF+1920)

// 16 columns each of four cells, of low bits at LOW and 32 bytes behind that, and high bits at HIGH.
#define SIXES(LOW, HIGH, OFF) \
	WORDS(HIGH, 16, 17, 18, 19)   \
	WORDS(LOW, 20, 21, 22, 23)    \
	WORDS(LOW+32, 24, 25, 26, 27) \
	SIXCELLS(16, 20, 24, OFF)     \
	SIXCELLS(17, 21, 25, OFF+64)  \
	SIXCELLS(18, 22, 26, OFF+128) \
	SIXCELLS(19, 23, 27, OFF+192)

// Four scales of two cells.
#define SIXSCALES(W, OFF) \
	SCALE(SARS, 0, W, 28, OFF)     \
	SCALE(SARS, 1, W, 28, OFF+64)  \
	SCALE(SARS, 2, W, 28, OFF+640) \
	SCALE(SARS, 3, W, 28, OFF+704)

// func packQ6KNEON(dst, src *byte, stride, blocks int)
TEXT ·packQ6KNEON(SB), NOSPLIT, $0-32
	ARGS
	VMOVI $15, V31.B16
	VMOVI $32, V30.B16
	VMOVI $48, V29.B16

rows:
	BEGIN

block:
	SIXES(0, 128, 0)
	SIXES(16, 144, 256)
	SIXES(64, 160, 2560)
	SIXES(80, 176, 2816)
	WORDS(192, 16, 17, 18, 19)
	ADD   $208, R2
	ADD   $208, R3
	ADD   $208, R4
	ADD   $208, R5
	HALVES(28)
	SIXSCALES(16, 512)
	SIXSCALES(17, 1792)
	SIXSCALES(18, 3072)
	SIXSCALES(19, 4352)
	NEXTBLOCK(2, 5120, block)
	NEXTROWS(rows)
