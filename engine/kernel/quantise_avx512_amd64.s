//go:build !purego

#include "textflag.h"
#include "go_asm.h"

// Z31 clears signs, Z30 is what rounds to integers by addition, Z29 ones in all bytes, X28 127, X27 1/2.
#define CONSTANTS \
	MOVL $0x7fffffff, AX   \
	VPBROADCASTD AX, Z31   \
	MOVL $0x4b400000, AX   \
	VPBROADCASTD AX, Z30   \
	MOVL $0x01010101, AX   \
	VPBROADCASTD AX, Z29   \
	MOVL $0x42fe0000, AX   \
	VMOVD AX, X28          \
	MOVL $0x3f000000, AX   \
	VMOVD AX, X27

// The largest of the 16 lanes of Z0 to X0 and AX.
#define LARGEST \
	VEXTRACTI64X4 $1, Z0, Y1       \
	VPMAXUD       Y1, Y0, Y0       \
	VEXTRACTI128  $1, Y0, X1       \
	VPMAXUD       X1, X0, X0       \
	VPSHUFD       $0x4e, X0, X1    \
	VPMAXUD       X1, X0, X0       \
	VPSHUFD       $0xb1, X0, X1    \
	VPMAXUD       X1, X0, X0       \
	VMOVD         X0, AX

// The 16 elements at OFF, times Z3, as bytes in X.
#define ROUND(OFF, Z, X) \
	VMULPS  OFF(SI), Z3, Z   \
	VADDPS  Z30, Z, Z        \
	VPMOVDB Z, X

// func quantise32AVX512(block *block32, q *int8, x *float32, n int)
TEXT ·quantise32AVX512(SB), NOSPLIT, $0-32
	MOVQ block+0(FP), BX
	MOVQ q+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	CONSTANTS

loop:
	VPANDD  (SI), Z31, Z0
	VPANDD  64(SI), Z31, Z1
	VPMAXUD Z1, Z0, Z0
	LARGEST
	CMPL    AX, $0x7f800000
	JCC     broken
	CMPL    AX, $0x0d800000 // 2^-100
	JCS     tiny
	VDIVSS  X28, X0, X2
	VDIVSS  X0, X28, X3
	VBROADCASTSS X3, Z3
	ROUND(0, Z4, X4)
	ROUND(64, Z5, X5)
	VINSERTI128 $1, X5, Y4, Y4
	VMOVDQU Y4, (DI)

	// The sum of the bytes.
	VPXOR    Y6, Y6, Y6
	VPDPBUSD Y4, Y29, Y6
	VEXTRACTI128 $1, Y6, X7
	VPADDD   X7, X6, X6
	VPSHUFD  $0x4e, X6, X7
	VPADDD   X7, X6, X6
	VPSHUFD  $0xb1, X6, X7
	VPADDD   X7, X6, X6
	VMOVD    X6, DX

	// The scale rounded to a half float.
	VMOVD X2, AX
	CMPL  AX, $0x38800000 // 2^-14
	JCS   small
	MOVL  AX, R8
	SHRL  $13, R8
	ANDL  $1, R8
	LEAL  0xfff(AX)(R8*1), AX
	ANDL  $0xffffe000, AX

store:
	MOVL      AX, block32_d(BX)
	VCVTDQ2PS X6, X6
	VMOVSS    X6, block32_sum(BX)
	NEGL      DX
	SHLL      $3, DX
	MOVL      DX, (block32_bias+8)(BX)
	SHLL      $1, DX
	MOVL      DX, (block32_bias+4)(BX)
	SHLL      $3, DX
	MOVL      DX, block32_bias(BX)

next:
	ADDQ $block32__size, BX
	ADDQ $32, DI
	ADDQ $128, SI
	DECQ CX
	JNZ  loop
	VZEROUPPER
	RET

small:
	VADDSS X27, X2, X2
	VSUBSS X27, X2, X2
	VMOVD  X2, AX
	JMP    store

broken:
	MOVL $0x7fc00000, AX
	JMP  none

tiny:
	XORL AX, AX

none:
	VPXOR   Y6, Y6, Y6
	VMOVDQU Y6, (DI)
	XORL    DX, DX
	JMP     store

#define MOST(OFF) \
	VPANDD  OFF(SI), Z31, Z1      \
	VPANDD  (OFF+64)(SI), Z31, Z2 \
	VPMAXUD Z1, Z0, Z0            \
	VPMAXUD Z2, Z3, Z3

// 64 elements from OFF on as bytes in ZN, and to TO.
#define ROUND64(OFF, ZN, YN, XN, TO) \
	ROUND(OFF, ZN, XN)                   \
	ROUND(OFF+64, Z5, X5)                \
	ROUND(OFF+128, Z6, X6)               \
	ROUND(OFF+192, Z7, X7)               \
	VINSERTI128  $1, X5, YN, YN          \
	VINSERTI128  $1, X7, Y6, Y6          \
	VINSERTI64X4 $1, Y6, ZN, ZN          \
	VMOVDQU32    ZN, TO(DI)

// The sums of the four quarters of the bytes in Q, in the lowest lane of each quarter of SUM.
#define SUMS(Q, SUM) \
	VPXORD   SUM, SUM, SUM      \
	VPDPBUSD Q, Z29, SUM        \
	VPSHUFD  $0x4e, SUM, Z5     \
	VPADDD   Z5, SUM, SUM       \
	VPSHUFD  $0xb1, SUM, Z5     \
	VPADDD   Z5, SUM, SUM

// func quantise256AVX512(block *block256, q *int8, x *float32, n int)
TEXT ·quantise256AVX512(SB), NOSPLIT, $0-32
	MOVQ block+0(FP), BX
	MOVQ q+8(FP), DI
	MOVQ x+16(FP), SI
	MOVQ n+24(FP), CX
	CONSTANTS

loop:
	VPXORD Z0, Z0, Z0
	VPXORD Z3, Z3, Z3
	MOST(0)
	MOST(128)
	MOST(256)
	MOST(384)
	MOST(512)
	MOST(640)
	MOST(768)
	MOST(896)
	VPMAXUD Z3, Z0, Z0
	LARGEST
	VPXORD  Z8, Z8, Z8
	VPXORD  Z9, Z9, Z9
	VPXORD  Z10, Z10, Z10
	VPXORD  Z11, Z11, Z11
	CMPL    AX, $0x7f800000
	JCC     broken
	CMPL    AX, $0x0d800000 // 2^-100
	JCS     tiny
	VDIVSS  X28, X0, X2
	VDIVSS  X0, X28, X3
	VMOVSS  X2, block256_d(BX)
	VBROADCASTSS X3, Z3
	ROUND64(0, Z8, Y8, X8, 0)
	ROUND64(256, Z9, Y9, X9, 64)
	ROUND64(512, Z10, Y10, X10, 128)
	ROUND64(768, Z11, Y11, X11, 192)

sums:
	SUMS(Z8, Z12)
	SUMS(Z9, Z13)
	SUMS(Z10, Z14)
	SUMS(Z11, Z15)

	// All lanes of a quarter are equal: lane i of quarter j is to be quarter i of the j-th.
	VPUNPCKLDQ Z13, Z12, Z4  // 12 13 12 13 by quarters
	VPUNPCKLDQ Z15, Z14, Z5
	VPUNPCKLQDQ Z5, Z4, Z4   // quarter i: 12 13 14 15
	VMOVDQU32  transposed<>(SB), Z5
	VPERMD     Z4, Z5, Z4
	VCVTDQ2PS  Z4, Z5
	VMOVUPS    Z5, block256_sum16(BX)
	VPSHUFD    $0xb1, Z4, Z6
	VPADDD     Z6, Z4, Z6
	VPMOVQD    Z6, Y6
	VCVTDQ2PS  Y6, Y7
	VMOVUPS    Y7, block256_sum32(BX)
	VPXORD     Z7, Z7, Z7
	VPSUBD     Z4, Z7, Z4
	VPSUBD     Y6, Y7, Y6
	VPSLLD     $5, Z4, Z4
	VPSLLD     $7, Y6, Y6
	VMOVDQU32  Z4, block256_bias16(BX)
	VMOVDQU    Y6, block256_bias32(BX)
	ADDQ       $block256__size, BX
	ADDQ       $256, DI
	ADDQ       $1024, SI
	DECQ       CX
	JNZ        loop
	VZEROUPPER
	RET

broken:
	MOVL $0x7fc00000, AX
	JMP  none

tiny:
	XORL AX, AX

none:
	MOVL      AX, block256_d(BX)
	VMOVDQU32 Z8, (DI)
	VMOVDQU32 Z8, 64(DI)
	VMOVDQU32 Z8, 128(DI)
	VMOVDQU32 Z8, 192(DI)
	JMP       sums

DATA transposed<>+0(SB)/8, $0x0000000400000000
DATA transposed<>+8(SB)/8, $0x0000000c00000008
DATA transposed<>+16(SB)/8, $0x0000000500000001
DATA transposed<>+24(SB)/8, $0x0000000d00000009
DATA transposed<>+32(SB)/8, $0x0000000600000002
DATA transposed<>+40(SB)/8, $0x0000000e0000000a
DATA transposed<>+48(SB)/8, $0x0000000700000003
DATA transposed<>+56(SB)/8, $0x0000000f0000000b
GLOBL transposed<>(SB), RODATA|NOPTR, $64
