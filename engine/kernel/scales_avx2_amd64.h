// Scales and columns of eight rows with AVX2, for packing and for products without it (rows_amd64.h for the registers).

#include "rows_amd64.h"

#define BYTES32(V, X, Y) \
	MOVL $V, AX           \
	VMOVD AX, X           \
	VPBROADCASTB X, Y

// The 16 bytes at OFF of eight rows, four in a lane, into Y0 to Y3; Y4 to Y7 are lost.
#define COLUMNS16(OFF, P, Q) \
	VMOVDQU      OFF(P), X0                     \
	VMOVDQU      OFF(P)(R8*1), X1               \
	VMOVDQU      OFF(P)(R8*2), X2               \
	VMOVDQU      OFF(P)(R9*1), X3               \
	VINSERTI128  $1, OFF(Q), Y0, Y0             \
	VINSERTI128  $1, OFF(Q)(R8*1), Y1, Y1       \
	VINSERTI128  $1, OFF(Q)(R8*2), Y2, Y2       \
	VINSERTI128  $1, OFF(Q)(R9*1), Y3, Y3       \
	VPUNPCKLDQ   Y1, Y0, Y4                     \
	VPUNPCKHDQ   Y1, Y0, Y5                     \
	VPUNPCKLDQ   Y3, Y2, Y6                     \
	VPUNPCKHDQ   Y3, Y2, Y7                     \
	VPUNPCKLQDQ  Y6, Y4, Y0                     \
	VPUNPCKHQDQ  Y6, Y4, Y1                     \
	VPUNPCKLQDQ  Y7, Y5, Y2                     \
	VPUNPCKHQDQ  Y7, Y5, Y3

// The floats of a half float in the low word of each lane of S; S is lost.
#define LOWHALFS(S, SX, TO) \
	VPSLLD    $16, S, S        \
	VPSRLD    $16, S, S        \
	HALFS(S, SX, TO)

// The same where the high words are 0.
#define HALFS(S, SX, TO) \
	VPACKUSDW S, S, S          \
	VPERMQ    $0x08, S, S      \
	VCVTPH2PS SX, TO

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

// Byte K of each lane of S, a signed integer, times F, to the floats of scale I+K, AT which the including file knows. It becomes
// a float from the highest byte of its lane, 2^24 times as large, and F is as much smaller than the half float's value: both
// are exact.
#define SCALE(S, K, F, AT, I) \
	VPSHUFB   highest<>+(32*K)(SB), S, Y6     \
	VCVTDQ2PS Y6, Y6                          \
	VMULPS    F, Y6, Y6                       \
	VMOVUPS   Y6, AT((I+K))(DI)

#define FOURSCALES(S, F, G, AT, I) \
	SCALE(S, 0, F, AT, I)   \
	SCALE(S, 1, F, AT, I)   \
	SCALE(S, 2, G, AT, I)   \
	SCALE(S, 3, G, AT, I)

// Constants of super-blocks: bytes of 0x3f and of 0x30.
DATA sixbits<>+0(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+8(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+16(SB)/8, $0x3f3f3f3f3f3f3f3f
DATA sixbits<>+24(SB)/8, $0x3f3f3f3f3f3f3f3f
GLOBL sixbits<>(SB), RODATA|NOPTR, $32

DATA toptwo<>+0(SB)/8, $0x3030303030303030
DATA toptwo<>+8(SB)/8, $0x3030303030303030
DATA toptwo<>+16(SB)/8, $0x3030303030303030
DATA toptwo<>+24(SB)/8, $0x3030303030303030
GLOBL toptwo<>(SB), RODATA|NOPTR, $32

// Scales and minima of eight rows of types Q4_K and Q5_K, by the order of scalesQ4K.
#define SCALES4K(P, Q) \
	COLUMNS16(0, P, Q)                           \
	VPSRLD  $16, Y0, Y7                          \
	LOWHALFS(Y0, X0, Y6)                         \
	SMALLER(0, Y6, Y4)                           \
	HALFS(Y7, X7, Y7)                            \
	SMALLER(0, Y7, Y5)                           \
	VPAND   sixbits<>(SB), Y1, Y0                \
	FOURSCALES(Y0, Y4, Y4, SCALEAT, 0)           \
	VPAND   sixbits<>(SB), Y2, Y0                \
	FOURSCALES(Y0, Y5, Y5, MINAT, 0)             \
	VPSRLD  $2, Y1, Y1                           \
	VPAND   toptwo<>(SB), Y1, Y1                 \
	VPAND   Y14, Y3, Y0                          \
	VPOR    Y1, Y0, Y0                           \
	FOURSCALES(Y0, Y4, Y4, SCALEAT, 4)           \
	VPSRLD  $2, Y2, Y2                           \
	VPAND   toptwo<>(SB), Y2, Y2                 \
	VPSRLD  $4, Y3, Y3                           \
	VPAND   Y14, Y3, Y3                          \
	VPOR    Y2, Y3, Y0                           \
	FOURSCALES(Y0, Y5, Y5, MINAT, 4)

// Sixteen scales of type Q6_K in Y0 to Y3, of which Y4 is the half floats' values.
#define SCALES6K \
	SMALLER(0, Y4, Y5)                   \
	FOURSCALES(Y0, Y5, Y5, SCALEAT, 0)   \
	FOURSCALES(Y1, Y5, Y5, SCALEAT, 4)   \
	FOURSCALES(Y2, Y5, Y5, SCALEAT, 8)   \
	FOURSCALES(Y3, Y5, Y5, SCALEAT, 12)

// Scales 4K to 4K+3 of type Q3_K as signed bytes, to Y4: the low four bits in the lanes of LOW, the high two in Y7, at bits 4
// and 5 after a shift by BY.
#define SCALES3(LOW, TURN, BY, F, G, I) \
	VPAND  Y14, LOW, Y4                 \
	TURN   $BY, Y7, Y3                  \
	VPAND  toptwo<>(SB), Y3, Y3         \
	VPOR   Y3, Y4, Y4                   \
	VPSUBB Y13, Y4, Y4                  \
	FOURSCALES(Y4, F, G, SCALEAT, I)

// Lanes of the last two bytes of A and the first two of B.
#define ACROSS(A, B, TO) \
	VPSRLD $16, A, A    \
	VPSLLD $16, B, TO   \
	VPOR   A, TO, TO

// Sixteen scales of type Q3_K, those of cells 1 and 3 of four with smaller<> A, of cell 2 with B. The bytes are read from two
// before them on, so as not to read beyond the half float that follows.
#define SCALES3K(P, Q, A, B) \
	COLUMNS16(94, P, Q)                   \
	ACROSS(Y0, Y1, Y5)                    \
	ACROSS(Y1, Y2, Y6)                    \
	ACROSS(Y2, Y3, Y7)                    \
	VPSRLD $16, Y3, Y3                    \
	HALFS(Y3, X3, Y8)                     \
	SMALLER(0, Y8, Y9)                    \
	SMALLER(A, Y8, Y10)                   \
	SMALLER(B, Y8, Y11)                   \
	BYTES32(0x0f, X14, Y14)               \
	BYTES32(0x20, X13, Y13)               \
	VMOVDQA Y6, Y8                        \
	SCALES3(Y5, VPSLLD, 4, Y9, Y10, 0)    \
	SCALES3(Y8, VPSLLD, 2, Y11, Y10, 4)   \
	VPSRLD $4, Y5, Y5                     \
	VPSRLD $4, Y8, Y8                     \
	SCALES3(Y5, VPSRLD, 0, Y9, Y10, 8)    \
	SCALES3(Y8, VPSRLD, 2, Y11, Y10, 12)

// Four scales and as many minima: the low and the high halves of bytes.
#define SCALEMINS(S, F, G, I) \
	VPAND  Y14, S, Y4                  \
	VPSRLW $4, S, S                    \
	VPAND  Y14, S, S                   \
	FOURSCALES(Y4, F, G, SCALEAT, I)   \
	FOURSCALES(S, Y8, Y8, MINAT, I)

// Sixteen scales of type Q2_K, as of Q3_K, and as many minima.
#define SCALES2K(P, Q, A, B) \
	COLUMNS16(68, P, Q)          \
	VPSRLD $16, Y3, Y0           \
	LOWHALFS(Y3, X3, Y13)        \
	HALFS(Y0, X0, Y7)            \
	SMALLER(0, Y7, Y8)           \
	SMALLER(0, Y13, Y9)          \
	SMALLER(A, Y13, Y10)         \
	SMALLER(B, Y13, Y11)         \
	BYTES32(0x0f, X14, Y14)      \
	COLUMNS16(0, P, Q)           \
	SCALEMINS(Y0, Y9, Y10, 0)    \
	SCALEMINS(Y1, Y11, Y10, 4)   \
	SCALEMINS(Y2, Y9, Y10, 8)    \
	SCALEMINS(Y3, Y11, Y10, 12)

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
	VMOVUPS   Y4, SCALEAT(J)(DI)

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
#define LANESMX \
	VPBROADCASTD lanes<>(SB), Y4      \
	VPBROADCASTD lanes<>+4(SB), Y5    \
	VPBROADCASTD lanes<>+8(SB), Y6

#define SCALESMX(SCALE) \
	VPMOVZXWD SCALE(DI), Y9           \
	VPAND     Y4, Y9, Y9              \
	VPSUBD    Y5, Y9, Y10             \
	VPSLLD    $23, Y10, Y10           \
	VPSLLVD   Y9, Y6, Y11             \
	VPCMPGTD  Y5, Y9, Y9              \
	VPBLENDVB Y9, Y10, Y11, Y9

// The values of four bits: of IQ4_NL and IQ4_XS, of MXFP4, and the latter plus 16.
DATA values<>+0(SB)/8, $0xf6eaddcfbfad9881
DATA values<>+8(SB)/8, $0x7159453526190d01
DATA values<>+16(SB)/8, $0x0c08060403020100
DATA values<>+24(SB)/8, $0xf4f8fafcfdfeff00
DATA values<>+32(SB)/8, $0x1c18161413121110
DATA values<>+40(SB)/8, $0x04080a0c0d0e0f10
GLOBL values<>(SB), RODATA|NOPTR, $48

// A bit of each byte.
DATA bits<>+0(SB)/8, $0x0202020201010101
DATA bits<>+8(SB)/8, $0x0808080804040404
DATA bits<>+16(SB)/8, $0x2020202010101010
DATA bits<>+24(SB)/8, $0x8080808040404040
GLOBL bits<>(SB), RODATA|NOPTR, $32

// The bits in Y10 to their place.
#define UP(BY) \
	VPSLLW $BY, Y10, Y10

#define DOWN(BY) \
	VPSRLW $BY, Y10, Y10

#define STAY(BY)
