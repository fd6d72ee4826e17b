//go:build !purego

#include "textflag.h"
#include "go_asm.h"
#include "mul_avx2_amd64.h"

// Products of 16 rows and one vector with AVX2, as in mul_avx2_amd64.s, of the other types. The rows' sums stay in memory, at
// CX, for registers are scarce.

#define VECTORSUM \
	VECTOR                 \
	MOVQ out+40(FP), CX

#define END \
	VZEROUPPER   \
	RET

// Blocks of 32 have 16 bytes, of which the low halves are 16 weights and the high ones the next 16. Those of rows i and i+4
// are side by side in a register, so that Y0 to Y3 are the sums of eight rows. Y8 is the first 16 elements twice, Y7 the
// others.

#define ELEMENTS(OFF) \
	VBROADCASTI128 OFF(SI), Y8        \
	VBROADCASTI128 (OFF+16)(SI), Y7

// The low halves of row A and B to Y9, the high halves to Y10.
#define LOADPAIR(OFF, A, B) \
	VMOVDQU     OFF A, X9              \
	VINSERTI128 $1, OFF B, Y9, Y9      \
	VPSRLW      $4, Y9, Y10            \
	VPAND       Y14, Y9, Y9            \
	VPAND       Y14, Y10, Y10

// Weights that are not negative, of at most 31.
#define MULPAIR(SUM) \
	VPMADDUBSW Y8, Y9, SUM         \
	VPMADDUBSW Y7, Y10, Y10        \
	VPADDW     Y10, SUM, SUM       \
	VPMADDWD   Y15, SUM, SUM

#define FOURPAIRS(PAIR, OFF, P, Q) \
	PAIR(OFF, (P), (Q), Y0)                    \
	PAIR(OFF, (P)(R8*1), (Q)(R8*1), Y1)        \
	PAIR(OFF, (P)(R8*2), (Q)(R8*2), Y2)        \
	PAIR(OFF, (P)(R9*1), (Q)(R9*1), Y3)

// The sums of 32 elements of all rows to Y0.
#define FOURSUMS(FIRST, SECOND) \
	FIRST(Y1, Y0)     \
	FIRST(Y3, Y2)     \
	SECOND(Y2, Y0)

#define BIAS(K) \
	VPBROADCASTD (block32_bias+4*K)(BX), Y9   \
	VPADDD       Y9, Y0, Y0

// Eight sums at OFF += Y0 times the blocks' scales in Y9 times the vector's.
#define FINISH(OFF) \
	VCVTDQ2PS    Y0, Y0                  \
	VBROADCASTSS block32_d(BX), Y10      \
	VMULPS       Y10, Y9, Y9             \
	VFMADD213PS  OFF(CX), Y9, Y0         \
	VMOVUPS      Y0, OFF(CX)

// The low words of lanes before the high ones.
DATA apart<>+0(SB)/8, $0x0d0c090805040100
DATA apart<>+8(SB)/8, $0x0f0e0b0a07060302
DATA apart<>+16(SB)/8, $0x0d0c090805040100
DATA apart<>+24(SB)/8, $0x0f0e0b0a07060302
GLOBL apart<>(SB), RODATA|NOPTR, $32

// The same with minima; the half floats of both wait in turns.
#define FINISHMIN(OFF) \
	VMOVDQU      OFF(DI), Y9              \
	VPSHUFB      apart<>(SB), Y9, Y9      \
	VPERMQ       $0xd8, Y9, Y9            \
	VCVTPH2PS    X9, Y10                  \
	VEXTRACTI128 $1, Y9, X9               \
	VCVTPH2PS    X9, Y9                   \
	VBROADCASTSS block32_d(BX), Y1        \
	VMULPS       Y1, Y10, Y10             \
	VMULPS       Y1, Y9, Y9               \
	VCVTDQ2PS    Y0, Y0                   \
	VFMADD213PS  OFF(CX), Y10, Y0         \
	VBROADCASTSS block32_sum(BX), Y1      \
	VFMADD231PS  Y1, Y9, Y0               \
	VMOVUPS      Y0, OFF(CX)

// Puts both half floats at OFF of all blocks where they will be needed, as SCALES does with one.
#define SCALESMIN(OFF, SIZE) \
scales:                   \
	DWORDS(OFF, DI, 0)    \
	NEXTBLOCK(SIZE)       \
	ADDQ $64, DI          \
	DECQ DX               \
	JNZ  scales           \
	ROWS

#define PAIR4(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)   \
	MULPAIR(SUM)

// func mulQ4MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ4MinAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALESMIN(0, 20)
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR4, 4, R10, R11)
	FOURSUMS(NARROW, NARROW)
	FINISHMIN(0)
	FOURPAIRS(PAIR4, 4, R12, R13)
	FOURSUMS(NARROW, NARROW)
	FINISHMIN(32)
	NEXT32(20, 64)
	JNZ block
	END

// For fifth bits: the bytes of 32 that have the bit of each of the first 16 weights, and of the others; the bit; and 16 with
// the sign that leaves it 16 if it has that of the bit.
DATA fifths<>+0(SB)/8, $0x0000000000000000
DATA fifths<>+8(SB)/8, $0x0101010101010101
DATA fifths<>+16(SB)/8, $0x0202020202020202
DATA fifths<>+24(SB)/8, $0x0303030303030303
DATA fifths<>+32(SB)/8, $0x8040201008040201
DATA fifths<>+40(SB)/8, $0xf010101010101010
GLOBL fifths<>(SB), RODATA|NOPTR, $48

#define FIFTHS \
	VBROADCASTI128 fifths<>(SB), Y5        \
	VBROADCASTI128 fifths<>+16(SB), Y6     \
	VPBROADCASTQ   fifths<>+32(SB), Y11    \
	VPBROADCASTQ   fifths<>+40(SB), Y12

// As PAIR4, with a fifth bit of each weight at FIFTH.
#define PAIRFIVE(OFF, FIFTH, A, B, SUM) \
	LOADPAIR(OFF, A, B)                    \
	VMOVDQU     FIFTH A, X13               \
	VINSERTI128 $1, FIFTH B, Y13, Y13      \
	VPSHUFB     Y5, Y13, Y4                \
	VPSHUFB     Y6, Y13, Y13               \
	VPAND       Y11, Y4, Y4                \
	VPAND       Y11, Y13, Y13              \
	VPSIGNB     Y4, Y12, Y4                \
	VPSIGNB     Y13, Y12, Y13              \
	VPOR        Y4, Y9, Y9                 \
	VPOR        Y13, Y10, Y10              \
	MULPAIR(SUM)

#define PAIR5(OFF, A, B, SUM) \
	PAIRFIVE(OFF, 2, A, B, SUM)

#define PAIR5MIN(OFF, A, B, SUM) \
	PAIRFIVE(OFF, 4, A, B, SUM)

// func mulQ5AVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5AVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 22, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	FIFTHS
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR5, 6, R10, R11)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	VCVTPH2PS (DI), Y9
	FINISH(0)
	FOURPAIRS(PAIR5, 6, R12, R13)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	VCVTPH2PS 16(DI), Y9
	FINISH(32)
	NEXT32(22, 32)
	JNZ block
	END

// func mulQ5MinAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5MinAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALESMIN(0, 24)
	ONES
	BYTES32(0x0f, X14, Y14)
	FIFTHS
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIR5MIN, 8, R10, R11)
	FOURSUMS(NARROW, WIDE)
	FINISHMIN(0)
	FOURPAIRS(PAIR5MIN, 8, R12, R13)
	FOURSUMS(NARROW, WIDE)
	FINISHMIN(32)
	NEXT32(24, 64)
	JNZ block
	END

// The values of four bits: of IQ4_NL and IQ4_XS, and of MXFP4 plus 16.
DATA values<>+0(SB)/8, $0xf6eaddcfbfad9881
DATA values<>+8(SB)/8, $0x7159453526190d01
DATA values<>+16(SB)/8, $0x1c18161413121110
DATA values<>+24(SB)/8, $0x04080a0c0d0e0f10
GLOBL values<>(SB), RODATA|NOPTR, $32

// Signed weights from the table in Y13: their magnitudes times the elements with their signs.
#define PAIRSIGNED(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)          \
	VPSHUFB    Y9, Y13, Y9       \
	VPABSB     Y9, SUM           \
	VPSIGNB    Y9, Y8, Y9        \
	VPMADDUBSW Y9, SUM, SUM      \
	VPSHUFB    Y10, Y13, Y10     \
	VPABSB     Y10, Y9           \
	VPSIGNB    Y10, Y7, Y10      \
	VPMADDUBSW Y10, Y9, Y9       \
	VPMADDWD   Y15, SUM, SUM     \
	VPMADDWD   Y15, Y9, Y9       \
	VPADDD     Y9, SUM, SUM

// func mulNLAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulNLAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 18, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIRSIGNED, 2, R10, R11)
	FOURSUMS(WIDE, WIDE)
	VCVTPH2PS (DI), Y9
	FINISH(0)
	FOURPAIRS(PAIRSIGNED, 2, R12, R13)
	FOURSUMS(WIDE, WIDE)
	VCVTPH2PS 16(DI), Y9
	FINISH(32)
	NEXT32(18, 32)
	JNZ block
	END

#define PAIRMX(OFF, A, B, SUM) \
	LOADPAIR(OFF, A, B)        \
	VPSHUFB Y9, Y13, Y9        \
	VPSHUFB Y10, Y13, Y10      \
	MULPAIR(SUM)

// Lanes of what exponents are made to floats with, and of what scales of type IQ4_XS are.
DATA lanes<>+0(SB)/4, $255
DATA lanes<>+4(SB)/4, $1
DATA lanes<>+8(SB)/4, $0x200000
DATA lanes<>+12(SB)/4, $15
DATA lanes<>+16(SB)/4, $0x30
DATA lanes<>+20(SB)/4, $32
GLOBL lanes<>(SB), RODATA|NOPTR, $24

// The scales of eight rows to Y9, by the function exponent: of exponents in the low bytes of words at SCALE. Y4 is lanes of
// 255, Y5 of 1, Y6 of 2^21.
#define SCALESMX(SCALE) \
	VPMOVZXWD SCALE(DI), Y9           \
	VPAND     Y4, Y9, Y9              \
	VPSUBD    Y5, Y9, Y10             \
	VPSLLD    $23, Y10, Y10           \
	VPSLLVD   Y9, Y6, Y11             \
	VPCMPGTD  Y5, Y9, Y9              \
	VPBLENDVB Y9, Y10, Y11, Y9

// func mulMXAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulMXAVX2(SB), NOSPLIT, $0-64
	ROWS
	SCALES(0, 0, 17, 32)
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>+16(SB), Y13
	VPBROADCASTD lanes<>(SB), Y4
	VPBROADCASTD lanes<>+4(SB), Y5
	VPBROADCASTD lanes<>+8(SB), Y6
	VECTORSUM

block:
	FETCH
	ELEMENTS(0)
	FOURPAIRS(PAIRMX, 1, R10, R11)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	SCALESMX(0)
	FINISH(0)
	FOURPAIRS(PAIRMX, 1, R12, R13)
	FOURSUMS(NARROW, WIDE)
	BIAS(1)
	SCALESMX(16)
	FINISH(32)
	NEXT32(17, 32)
	JNZ block
	END

// Super-blocks: T in Y12 takes SUM, of the scale at SCALE, and then the minimum at MIN of the vector's sum XSUM. With the end
// of the block it goes to the eight sums at OFF.
#define ADDSUM(SUM, SCALE) \
	VCVTDQ2PS   SUM, SUM                   \
	VFMADD231PS (SCALE)(DI), SUM, Y12

#define ADDLOW(MIN, XSUM) \
	VBROADCASTSS (XSUM)(BX), Y9          \
	VFNMADD231PS (MIN)(DI), Y9, Y12

#define FLUSH(OFF) \
	VBROADCASTSS block256_d(BX), Y9       \
	VFMADD213PS  OFF(CX), Y9, Y12         \
	VMOVUPS      Y12, OFF(CX)

// The scale of cell J: four low bits in Y1, two high bits in Y0 from bit 16 on. Y11 is the half floats' values, Y8 lanes of
// 15, Y9 of 0x30, Y10 of 32.
#define XSSCALE(J) \
	VPSRLD    $(4*J), Y1, Y4          \
	VPSRLD    $(12+2*J), Y0, Y5       \
	VPAND     Y8, Y4, Y4              \
	VPAND     Y9, Y5, Y5              \
	VPOR      Y5, Y4, Y4              \
	VPSUBD    Y10, Y4, Y4             \
	VCVTDQ2PS Y4, Y4                  \
	VMULPS    Y11, Y4, Y4             \
	VMOVUPS   Y4, (32*J)(DI)

#define SCALESXS(P, Q) \
	COLUMNS16(0, P, Q)                     \
	VMOVDQA Y0, Y2                         \
	LOWHALFS(Y2, X2, Y11)                  \
	VPBROADCASTD lanes<>+12(SB), Y8        \
	VPBROADCASTD lanes<>+16(SB), Y9        \
	VPBROADCASTD lanes<>+20(SB), Y10       \
	XSSCALE(0)                             \
	XSSCALE(1)                             \
	XSSCALE(2)                             \
	XSSCALE(3)                             \
	XSSCALE(4)                             \
	XSSCALE(5)                             \
	XSSCALE(6)                             \
	XSSCALE(7)

#define CELLXS(P, Q, C) \
	ELEMENTS((32*C))                              \
	FOURPAIRS(PAIRSIGNED, (8+16*C), P, Q)         \
	FOURSUMS(WIDE, WIDE)                          \
	ADDSUM(Y0, 32*C)

#define HALFXS(P, Q, OFF) \
	FETCH                    \
	ADDQ $128, R15           \
	SCALESXS(P, Q)           \
	VXORPS Y12, Y12, Y12     \
	CELLXS(P, Q, 0)          \
	CELLXS(P, Q, 1)          \
	CELLXS(P, Q, 2)          \
	CELLXS(P, Q, 3)          \
	FETCH                    \
	ADDQ $144, R15           \
	CELLXS(P, Q, 4)          \
	CELLXS(P, Q, 5)          \
	CELLXS(P, Q, 6)          \
	CELLXS(P, Q, 7)          \
	FLUSH(OFF)

// func mulXSAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulXSAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	BYTES32(0x0f, X14, Y14)
	VBROADCASTI128 values<>(SB), Y13
	VECTORSUM

block:
	HALFXS(R10, R11, 0)
	HALFXS(R12, R13, 32)
	NEXT256(136)
	JNZ block
	END

// A bit of each byte.
DATA bits<>+0(SB)/8, $0x0202020201010101
DATA bits<>+8(SB)/8, $0x0808080804040404
DATA bits<>+16(SB)/8, $0x2020202010101010
DATA bits<>+24(SB)/8, $0x8080808040404040
GLOBL bits<>(SB), RODATA|NOPTR, $32

#define UP(BY) \
	VPSLLW $BY, Y10, Y10

#define DOWN(BY) \
	VPSRLW $BY, Y10, Y10

#define STAY(BY)

// Weights whose highest bit is apart: a bit of the bytes at HIGH, of which Y13 is the mask and which SHIFT brings to its place.
#define ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, A, SUM) \
	LOAD(OFF A)                   \
	VPAND      HIGH A, Y13, Y10   \
	SHIFT(BY)                     \
	VPOR       Y10, Y9, Y9        \
	VPMADDUBSW Y8, Y9, SUM        \
	VPMADDWD   Y15, SUM, SUM

#define EIGHTHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, P, Q) \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P), Y0)           \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R8*1), Y1)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R8*2), Y2)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (P)(R9*1), Y3)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q), Y4)           \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R8*1), Y5)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R8*2), Y6)     \
	ROWHIGHBIT(LOAD, OFF, HIGH, SHIFT, BY, (Q)(R9*1), Y7)

#define CELL5K(LOAD, OFF, SHIFT, BY, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                        \
	VPBROADCASTD bits<>+(4*C)(SB), Y13                 \
	EIGHTHIGHBIT(LOAD, OFF, 16, SHIFT, BY, P, Q)       \
	SUMS(NARROW, NARROW)                               \
	ADDSUM(Y0, 32*C)                                   \
	ADDLOW(256+32*C, block256_sum32+4*C)

#define HALF5K(P, Q, OFF) \
	FETCH                                    \
	ADDQ $128, R15                           \
	SCALES4K(P, Q)                           \
	VXORPS Y12, Y12, Y12                     \
	CELL5K(LOWFOUR, 48, UP, 4, P, Q, 0)      \
	CELL5K(HIGHFOUR, 48, UP, 3, P, Q, 1)     \
	FETCH                                    \
	ADDQ $128, R15                           \
	CELL5K(LOWFOUR, 80, UP, 2, P, Q, 2)      \
	CELL5K(HIGHFOUR, 80, UP, 1, P, Q, 3)     \
	CELL5K(LOWFOUR, 112, STAY, 0, P, Q, 4)   \
	FETCH                                    \
	ADDQ $96, R15                            \
	CELL5K(HIGHFOUR, 112, DOWN, 1, P, Q, 5)  \
	CELL5K(LOWFOUR, 144, DOWN, 2, P, Q, 6)   \
	CELL5K(HIGHFOUR, 144, DOWN, 3, P, Q, 7)  \
	FLUSH(OFF)

// func mulQ5KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ5KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	BYTES32(0x0f, X14, Y14)
	VECTORSUM

block:
	HALF5K(R10, R11, 0)
	HALF5K(R12, R13, 32)
	NEXT256(176)
	JNZ block
	END

// Types of 16 weights to a scale, of two bits and perhaps a third. Where that saves a shift they are multiplied where they lie
// in their bytes, four or 16 times as large, and their scales are as much smaller, which is exact. A scale becomes a float from
// the highest byte of its lane, 2^24 times as large.

// For VPSHUFB: a byte of each lane to its highest.
DATA highest<>+0(SB)/8, $0x0480808000808080
DATA highest<>+8(SB)/8, $0x0c80808008808080
DATA highest<>+16(SB)/8, $0x0480808000808080
DATA highest<>+24(SB)/8, $0x0c80808008808080
DATA highest<>+32(SB)/8, $0x0580808001808080
DATA highest<>+40(SB)/8, $0x0d80808009808080
DATA highest<>+48(SB)/8, $0x0580808001808080
DATA highest<>+56(SB)/8, $0x0d80808009808080
DATA highest<>+64(SB)/8, $0x0680808002808080
DATA highest<>+72(SB)/8, $0x0e8080800a808080
DATA highest<>+80(SB)/8, $0x0680808002808080
DATA highest<>+88(SB)/8, $0x0e8080800a808080
DATA highest<>+96(SB)/8, $0x0780808003808080
DATA highest<>+104(SB)/8, $0x0f8080800b808080
DATA highest<>+112(SB)/8, $0x0780808003808080
DATA highest<>+120(SB)/8, $0x0f8080800b808080
GLOBL highest<>(SB), RODATA|NOPTR, $128

// 2^-24, 2^-26 and 2^-28.
DATA smaller<>+0(SB)/4, $0x33800000
DATA smaller<>+4(SB)/4, $0x32800000
DATA smaller<>+8(SB)/4, $0x31800000
GLOBL smaller<>(SB), RODATA|NOPTR, $12

#define SMALLER(K, F, TO) \
	VBROADCASTSS smaller<>+(4*K)(SB), TO    \
	VMULPS       F, TO, TO

#define HIGHESTSCALE(S, K, F, TO) \
	VPSHUFB   highest<>+(32*K)(SB), S, Y6     \
	VCVTDQ2PS Y6, Y6                          \
	VMULPS    F, Y6, Y6                       \
	VMOVUPS   Y6, (TO+32*K)(DI)

// Two scales each of two cells.
#define TWOTWOSCALES(S, F, G, TO) \
	HIGHESTSCALE(S, 0, F, TO)   \
	HIGHESTSCALE(S, 1, F, TO)   \
	HIGHESTSCALE(S, 2, G, TO)   \
	HIGHESTSCALE(S, 3, G, TO)

// Scales 4K to 4K+3 of type Q3_K as signed bytes, to Y4: the low four bits in the lanes of LOW, the high two in Y7, at bits 4
// and 5 after a shift by BY.
#define SCALES3(LOW, TURN, BY, F, G, TO) \
	VPAND  Y14, LOW, Y4                 \
	TURN   $BY, Y7, Y3                  \
	VPAND  toptwo<>(SB), Y3, Y3         \
	VPOR   Y3, Y4, Y4                   \
	VPSUBB Y13, Y4, Y4                  \
	TWOTWOSCALES(Y4, F, G, TO)

// Lanes of the last two bytes of A and the first two of B.
#define ACROSS(A, B, TO) \
	VPSRLD $16, A, A    \
	VPSLLD $16, B, TO   \
	VPOR   A, TO, TO

// Sixteen vectors of scales from (DI) on. The bytes are read from two before them on, so as not to read beyond the half float
// that follows.
#define SCALES3K(P, Q) \
	COLUMNS16(94, P, Q)                       \
	ACROSS(Y0, Y1, Y5)                        \
	ACROSS(Y1, Y2, Y6)                        \
	ACROSS(Y2, Y3, Y7)                        \
	VPSRLD $16, Y3, Y3                        \
	HALFS(Y3, X3, Y8)                         \
	SMALLER(0, Y8, Y9)                        \
	SMALLER(1, Y8, Y10)                       \
	SMALLER(2, Y8, Y11)                       \
	BYTES32(0x0f, X14, Y14)                   \
	BYTES32(0x20, X13, Y13)                   \
	VMOVDQA Y6, Y8                            \
	SCALES3(Y5, VPSLLD, 4, Y9, Y10, 0)        \
	SCALES3(Y8, VPSLLD, 2, Y11, Y10, 128)     \
	VPSRLD $4, Y5, Y5                         \
	VPSRLD $4, Y8, Y8                         \
	SCALES3(Y5, VPSRLD, 0, Y9, Y10, 256)      \
	SCALES3(Y8, VPSRLD, 2, Y11, Y10, 384)

// Half H of cell C. A weight is 4 less than its bits say: TURN makes that, times as large as the weights are, of -32 times the
// vector's sum.
#define SUM3K(SUM, TURN, BY, C, H) \
	VPBROADCASTD (block256_bias16+8*C+4*H)(BX), Y9   \
	TURN         $BY, Y9, Y9                         \
	VPADDD       Y9, SUM, SUM                        \
	ADDSUM(SUM, 64*C+32*H)

// The masks of two bits of each byte of four cells, of which the fourth's are shifted to those of the second.
#define CRUMBS(M) \
	VPBROADCASTD crumbs<>+(4*(M))(SB), Y14

DATA crumbs<>+0(SB)/8, $0x0c0c0c0c03030303
DATA crumbs<>+8(SB)/8, $0x0c0c0c0c30303030
GLOBL crumbs<>(SB), RODATA|NOPTR, $16

#define CELL3K(LOAD, OFF, SHIFT, BY, FIRST, SECOND, TURN, LESS, P, Q, C) \
	VMOVDQU      (32*C)(SI), Y8                    \
	VPBROADCASTD bits<>+(4*C)(SB), Y13             \
	CRUMBS(C%4)                                    \
	EIGHTHIGHBIT(LOAD, OFF, 0, SHIFT, BY, P, Q)    \
	SUMHALVES(FIRST, SECOND)                       \
	SUM3K(Y1, TURN, LESS, C, 0)                    \
	SUM3K(Y0, TURN, LESS, C, 1)

#define HALF3K(P, Q, OFF) \
	FETCH                                                                  \
	ADDQ $128, R15                                                         \
	SCALES3K(P, Q)                                                         \
	VXORPS Y12, Y12, Y12                                                   \
	CELL3K(LOWFOUR, 32, UP, 2, NARROW, NARROW, VPSRAD, 3, P, Q, 0)         \
	CELL3K(LOWFOUR, 32, UP, 3, NARROW, NARROW, VPSRAD, 1, P, Q, 1)         \
	CELL3K(LOWFOUR, 32, UP, 4, WIDE, WIDE, VPSLLD, 1, P, Q, 2)             \
	CELL3K(HIGHFOUR, 32, UP, 1, NARROW, NARROW, VPSRAD, 1, P, Q, 3)        \
	FETCH                                                                  \
	ADDQ $92, R15                                                          \
	CELL3K(LOWFOUR, 64, DOWN, 2, NARROW, NARROW, VPSRAD, 3, P, Q, 4)       \
	CELL3K(LOWFOUR, 64, DOWN, 1, NARROW, NARROW, VPSRAD, 1, P, Q, 5)       \
	CELL3K(LOWFOUR, 64, STAY, 0, WIDE, WIDE, VPSLLD, 1, P, Q, 6)           \
	CELL3K(HIGHFOUR, 64, DOWN, 3, NARROW, NARROW, VPSRAD, 1, P, Q, 7)      \
	FLUSH(OFF)

// func mulQ3KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ3KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	VECTORSUM

block:
	HALF3K(R10, R11, 0)
	HALF3K(R12, R13, 32)
	NEXT256(110)
	JNZ block
	END

// Sixteen vectors of scales from (DI) on, then as many of minima, of the low and the high halves of bytes.
#define SCALEMINS(S, F, G, TO) \
	VPAND  Y14, S, Y4                     \
	VPSRLW $4, S, S                       \
	VPAND  Y14, S, S                      \
	TWOTWOSCALES(Y4, F, G, TO)            \
	TWOTWOSCALES(S, Y8, Y8, (TO+512))

#define SCALES2K(P, Q) \
	COLUMNS16(68, P, Q)               \
	VPSRLD $16, Y3, Y0                \
	LOWHALFS(Y3, X3, Y13)             \
	HALFS(Y0, X0, Y7)                 \
	SMALLER(0, Y7, Y8)                \
	SMALLER(0, Y13, Y9)               \
	SMALLER(1, Y13, Y10)              \
	SMALLER(2, Y13, Y11)              \
	BYTES32(0x0f, X14, Y14)           \
	COLUMNS16(0, P, Q)                \
	SCALEMINS(Y0, Y9, Y10, 0)         \
	SCALEMINS(Y1, Y11, Y10, 128)      \
	SCALEMINS(Y2, Y9, Y10, 256)       \
	SCALEMINS(Y3, Y11, Y10, 384)

#define CELL2K(ROW, OFF, FIRST, SECOND, P, Q, C) \
	VMOVDQU (32*C)(SI), Y8                            \
	CRUMBS(C%4)                                       \
	EIGHTROWS(ROW, OFF, P, Q)                         \
	SUMHALVES(FIRST, SECOND)                          \
	ADDSUM(Y1, 64*C)                                  \
	ADDLOW(512+64*C, block256_sum16+8*C)              \
	ADDSUM(Y0, 64*C+32)                               \
	ADDLOW(544+64*C, block256_sum16+8*C+4)

#define HALF2K(P, Q, OFF) \
	FETCH                                         \
	ADDQ $128, R15                                \
	SCALES2K(P, Q)                                \
	VXORPS Y12, Y12, Y12                          \
	CELL2K(ROWLOW, 16, NARROW, NARROW, P, Q, 0)   \
	CELL2K(ROWLOW, 16, NARROW, NARROW, P, Q, 1)   \
	CELL2K(ROWLOW, 16, NARROW, WIDE, P, Q, 2)     \
	CELL2K(ROWHIGH, 16, NARROW, NARROW, P, Q, 3)  \
	FETCH                                         \
	ADDQ $40, R15                                 \
	CELL2K(ROWLOW, 48, NARROW, NARROW, P, Q, 4)   \
	CELL2K(ROWLOW, 48, NARROW, NARROW, P, Q, 5)   \
	CELL2K(ROWLOW, 48, NARROW, WIDE, P, Q, 6)     \
	CELL2K(ROWHIGH, 48, NARROW, NARROW, P, Q, 7)  \
	FLUSH(OFF)

// func mulQ2KAVX2(dst, src *byte, stride, blocks int, ahead int, out *float32, q *int8, block unsafe.Pointer)
TEXT ·mulQ2KAVX2(SB), NOSPLIT, $0-64
	ROWS
	ONES
	VECTORSUM

block:
	HALF2K(R10, R11, 0)
	HALF2K(R12, R13, 32)
	NEXT256(84)
	JNZ block
	END
