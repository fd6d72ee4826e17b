//go:build !purego

#include "textflag.h"
#include "rvv_riscv64.h"

// Packing reads bytes of 16 rows, which are X11 bytes apart, so that a register has the same byte of each row, and eight
// registers eight bytes that follow each other. X10 is at a block of the first row, X13 counts blocks.

#define ARGUMENTS \
	MOV   dst+0(FP), X12     \
	MOV   src+8(FP), X10     \
	MOV   stride+16(FP), X11 \
	MOV   blocks+24(FP), X13 \
	MOV   $0x8fffffff, X28   \
	MOV   $0x0f800000, X29   \
	MOV   $0x77800000, X30   \
	FMVWX X30, F31           \
	MOV   $0x7f800000, X30

// All of eight registers at once, whatever their size.
#define EIGHT \
	VSETVLI X0, E8, M8, TA, MA, X5

// Registers to columns that follow each other at P.
#define PUT(P, R) \
	VSE8V R, (P)  \
	ADD   $16, P
#define PUT4(P, A, B, C, D) \
	PUT(P, A) \
	PUT(P, B) \
	PUT(P, C) \
	PUT(P, D)
#define PUTV8(P) \
	PUT4(P, V8, V9, V10, V11)    \
	PUT4(P, V12, V13, V14, V15)
#define PUTV16(P) \
	PUT4(P, V16, V17, V18, V19)  \
	PUT4(P, V20, V21, V22, V23)
#define PUTV24(P) \
	PUT4(P, V24, V25, V26, V27)  \
	PUT4(P, V28, V29, V30, V31)

// Eight bytes at P, or their halves.
#define BYTES8(P, R) \
	BYTES                    \
	VLSSEG8E8V (P), X11, R
#define HALVES(P) \
	BYTES8(P, V8)            \
	EIGHT                    \
	VANDVI $15, V8, V16      \
	VSRLVI $4, V8, V24

// The half floats at P as floats in W; V0 to V7 change. Bytes need no alignment. See FROM16 for the conversion.
#define HALF(P, W) \
	BYTES                       \
	VLSSEG2E8V (P), X11, V0     \
	SHORTS                      \
	VZEXTVF2   V0, V2           \
	VZEXTVF2   V1, V4           \
	VSLLVI     $8, V4, V4       \
	VORVV      V4, V2, V2       \
	WORDS                       \
	VSEXTVF2   V2, W            \
	VSLLVI     $13, W, W        \
	VANDVX     X28, W, W        \
	VANDVX     X29, W, V4       \
	VMSEQVX    X29, V4, V0      \
	VFMULVF    F31, W, W        \
	VORVX      X30, W, V0, W

#define SCALE(OFFSET) \
	ADD    OFFSET, X10, X5      \
	HALF(X5, V24)               \
	VSE32V V24, (X12)           \
	ADD    $64, X12

#define NEXT(SIZE, L) \
	ADD  SIZE, X10 \
	ADD  $-1, X13  \
	BNEZ X13, L    \
	RET

// func packQ8RVV(dst, src *byte, stride, blocks int)
TEXT ·packQ8RVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $2, X10, X14
	MOV $4, X15

eight:
	BYTES8(X14, V8)
	PUTV8(X12)
	ADD  $8, X14
	ADD  $-1, X15
	BNEZ X15, eight
	SCALE($0)
	NEXT($34, block)

// func packQ4RVV(dst, src *byte, stride, blocks int)
TEXT ·packQ4RVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $2, X10, X14
	ADD $256, X12, X16
	MOV $2, X15

eight:
	HALVES(X14)
	VADDVI $-8, V16, V16
	VADDVI $-8, V24, V24
	BYTES
	PUTV16(X12)
	PUTV24(X16)
	ADD    $8, X14
	ADD    $-1, X15
	BNEZ   X15, eight
	ADD    $256, X12
	SCALE($0)
	NEXT($18, block)

// Bit I of V0 and V1 becomes the fifth bit of LOW and HIGH.
#define FIFTH(I, LOW, HIGH) \
	VSRLVI $I, V0, V2   \
	VSRLVI $I, V1, V3   \
	VANDVI $1, V2, V2   \
	VANDVI $1, V3, V3   \
	VSLLVI $4, V2, V2   \
	VSLLVI $4, V3, V3   \
	VORVV  V2, LOW, LOW \
	VORVV  V3, HIGH, HIGH

// func packQ5RVV(dst, src *byte, stride, blocks int)
TEXT ·packQ5RVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $6, X10, X14
	ADD $2, X10, X17
	ADD $4, X10, X18
	ADD $256, X12, X16
	MOV $2, X15

eight:
	HALVES(X14)
	BYTES
	VLSE8V (X17), X11, V0
	VLSE8V (X18), X11, V1
	FIFTH(0, V16, V24)
	FIFTH(1, V17, V25)
	FIFTH(2, V18, V26)
	FIFTH(3, V19, V27)
	FIFTH(4, V20, V28)
	FIFTH(5, V21, V29)
	FIFTH(6, V22, V30)
	FIFTH(7, V23, V31)
	EIGHT
	VADDVI $-16, V16, V16
	VADDVI $-16, V24, V24
	BYTES
	PUTV16(X12)
	PUTV24(X16)
	ADD    $8, X14
	ADD    $1, X17
	ADD    $1, X18
	ADD    $-1, X15
	BNEZ   X15, eight
	ADD    $256, X12
	SCALE($0)
	NEXT($22, block)

// V24 times the integers of V0 to X18, V28 times those of V1 behind it.
#define SCALEMIN \
	WORDS                   \
	VZEXTVF4  V0, V4        \
	VFCVTFXUV V4, V4        \
	VFMULVV   V24, V4, V4   \
	VSE32V    V4, (X18)     \
	ADD       $64, X18      \
	VZEXTVF4  V1, V4        \
	VFCVTFXUV V4, V4        \
	VFMULVV   V28, V4, V4   \
	VSE32V    V4, (X18)     \
	ADD       $576, X18

// A scale and a minimum of the first four of scalesQ4K, and of the others.
#define FIRST(S, M) \
	BYTES              \
	VANDVX X6, S, V0   \
	VANDVX X6, M, V1   \
	SCALEMIN
#define SECOND(S, M, BOTH) \
	BYTES                   \
	VANDVI $15, BOTH, V0    \
	VSRLVI $6, S, V2        \
	VSLLVI $4, V2, V2       \
	VORVV  V2, V0, V0       \
	VSRLVI $4, BOTH, V1     \
	VSRLVI $6, M, V2        \
	VSLLVI $4, V2, V2       \
	VORVV  V2, V1, V1       \
	SCALEMIN

// The scales and minima of eight parts, of 512 and 128 bytes, from X18 on.
#define SCALES4K \
	HALF(X10, V24)               \
	ADD        $2, X10, X5       \
	HALF(X5, V28)                \
	ADD        $4, X10, X5       \
	BYTES8(X5, V8)               \
	ADD        $12, X10, X5      \
	VLSSEG4E8V (X5), X11, V16    \
	MOV        $63, X6           \
	FIRST(V8, V12)               \
	FIRST(V9, V13)               \
	FIRST(V10, V14)              \
	FIRST(V11, V15)              \
	SECOND(V8, V12, V16)         \
	SECOND(V9, V13, V17)         \
	SECOND(V10, V14, V18)        \
	SECOND(V11, V15, V19)

// func packQ4KRVV(dst, src *byte, stride, blocks int)
TEXT ·packQ4KRVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $512, X12, X18
	ADD $16, X10, X14
	MOV $4, X17

parts:
	ADD $640, X12, X16
	MOV $4, X15

eight:
	HALVES(X14)
	BYTES
	PUTV16(X12)
	PUTV24(X16)
	ADD  $8, X14
	ADD  $-1, X15
	BNEZ X15, eight
	ADD  $128, X16, X12
	ADD  $-1, X17
	BNEZ X17, parts
	SCALES4K
	NEXT($144, block)

// func packQ5KRVV(dst, src *byte, stride, blocks int)
// X20 and X21 are the places of the two parts' fifth bits.
TEXT ·packQ5KRVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $512, X12, X18
	ADD $48, X10, X14
	MOV $0, X20
	MOV $1, X21

parts:
	ADD $640, X12, X16
	ADD $16, X10, X19
	MOV $4, X15

eight:
	BYTES8(X19, V0)
	HALVES(X14)
	VSRLVX X20, V0, V8
	VANDVI $1, V8, V8
	VSLLVI $4, V8, V8
	VORVV  V8, V16, V16
	VSRLVX X21, V0, V0
	VANDVI $1, V0, V0
	VSLLVI $4, V0, V0
	VORVV  V0, V24, V24
	BYTES
	PUTV16(X12)
	PUTV24(X16)
	ADD    $8, X14
	ADD    $8, X19
	ADD    $-1, X15
	BNEZ   X15, eight
	ADD    $128, X16, X12
	ADD    $2, X20
	ADD    $2, X21
	MOV    $8, X5
	BNE    X20, X5, parts
	SCALES4K
	NEXT($176, block)

// Eight bytes at P whose halves get bits of V0 from LOW and HIGH on, and go OFFSET and OFFSET+1280 bytes behind X20.
#define SIX(P, LOW, HIGH, OFFSET) \
	HALVES(P)                      \
	VSRLVI $LOW, V0, V8            \
	VANDVI $3, V8, V8              \
	VSLLVI $4, V8, V8              \
	VORVV  V8, V16, V16            \
	VSRLVI $HIGH, V0, V8           \
	VANDVI $3, V8, V8              \
	VSLLVI $4, V8, V8              \
	VORVV  V8, V24, V24            \
	VADDVX X6, V16, V16            \
	VADDVX X6, V24, V24            \
	BYTES                          \
	ADD    $OFFSET, X20, X16       \
	PUTV16(X16)                    \
	ADD    $(OFFSET+1280), X20, X16 \
	PUTV24(X16)

// func packQ6KRVV(dst, src *byte, stride, blocks int)
// Parts are 16 columns of 16 and 64 bytes, four of them 1280 bytes.
TEXT ·packQ6KRVV(SB), NOSPLIT, $0-32
	ARGUMENTS
	MOV $-32, X6

block:
	MOV X12, X20
	MOV X10, X14
	ADD $128, X10, X19
	MOV $2, X17
	MOV $128, X21

half:
	MOV $4, X15

eight:
	BYTES8(X19, V0)
	SIX(X14, 0, 4, 0)
	ADD  $32, X14, X18
	SIX(X18, 2, 6, 640)
	ADD  X21, X20 // by half a part, or to the next
	MOV  $320, X5
	SUB  X21, X5, X21
	ADD  $8, X14
	ADD  $8, X19
	ADD  $-1, X15
	BNEZ X15, eight
	ADD  $32, X14
	ADD  $1920, X20
	ADD  $-1, X17
	BNEZ X17, half
	ADD  $208, X10, X5
	HALF(X5, V24)
	ADD  $192, X10, X14
	MOV  $16, X15

scale:
	BYTES
	VLSE8V   (X14), X11, V0
	WORDS
	VSEXTVF4 V0, V4
	VFCVTFXV V4, V4
	VFMULVV  V24, V4, V4
	ADD      $256, X12
	VSE32V   V4, (X12)
	ADD      $64, X12
	ADD      $1, X14
	ADD      $-1, X15
	BNEZ     X15, scale
	NEXT($210, block)
