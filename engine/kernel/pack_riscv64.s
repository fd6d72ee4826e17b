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

// X17 and X18 are at the fifth bits of low and high halves.
#define FIFTHS \
	BYTES                  \
	VLSE8V (X17), X11, V0  \
	VLSE8V (X18), X11, V1  \
	FIFTH(0, V16, V24)     \
	FIFTH(1, V17, V25)     \
	FIFTH(2, V18, V26)     \
	FIFTH(3, V19, V27)     \
	FIFTH(4, V20, V28)     \
	FIFTH(5, V21, V29)     \
	FIFTH(6, V22, V30)     \
	FIFTH(7, V23, V31)     \
	ADD    $1, X17         \
	ADD    $1, X18

// The bytes of the table at X7 that eight registers from V16 on are the places of, in V8 to V15.
#define LOOKUP \
	BYTES                    \
	VLE8V      (X7), V0      \
	VRGATHERVV V16, V0, V8   \
	VRGATHERVV V17, V0, V9   \
	VRGATHERVV V18, V0, V10  \
	VRGATHERVV V19, V0, V11  \
	VRGATHERVV V20, V0, V12  \
	VRGATHERVV V21, V0, V13  \
	VRGATHERVV V22, V0, V14  \
	VRGATHERVV V23, V0, V15

// What types do with halves of bytes in V16 and V24.
#define AS4
#define AS4LESS8 \
	VADDVI $-8, V16, V16 \
	VADDVI $-8, V24, V24
#define AS5 \
	FIFTHS
#define AS5LESS16 \
	FIFTHS                \
	EIGHT                 \
	VADDVI $-16, V16, V16 \
	VADDVI $-16, V24, V24
#define INTABLE \
	LOOKUP             \
	EIGHT              \
	VMVVV V24, V16     \
	VMVVV V8, V24      \
	LOOKUP             \
	EIGHT              \
	VMVVV V24, V16     \
	VMVVV V8, V24

#define INUNEVEN \
	MOV $·uneven(SB), X7 \
	INTABLE
#define INFP4 \
	MOV $·fp4(SB), X7 \
	INTABLE

#define ONE \
	SCALE($0)
#define TWO \
	SCALE($0) \
	SCALE($2)

// 2^(e-128) of a byte e, as function exponent.
#define EXPONENT \
	BYTES                       \
	VLSE8V    (X10), X11, V0    \
	WORDS                       \
	VZEXTVF4  V0, V8            \
	VMVVI     $1, V12           \
	ADD       $21, X0, X5       \
	VADDVX    X5, V8, V4        \
	VSLLVV    V4, V12, V12      \
	ADD       $23, X0, X5       \
	VADDVI    $-1, V8, V4       \
	VSLLVX    X5, V4, V4        \
	ADD       $2, X0, X5        \
	VMSLTUVX  X5, V8, V0        \
	VMERGEVVM V12, V4, V0, V4   \
	VSE32V    V4, (X12)         \
	ADD       $64, X12

// Blocks of SIZE bytes with 32 halves of bytes from QS on, and fifth bits from QH on.
#define PACK32(NAME, SIZE, QH, QS, AS, FLOATS, L1, L2) \
TEXT NAME(SB), NOSPLIT, $0-32      \
	ARGUMENTS                  \
L1:                                \
	ADD  $QS, X10, X14         \
	ADD  $QH, X10, X17         \
	ADD  $(QH+2), X10, X18     \
	ADD  $256, X12, X16        \
	MOV  $2, X15               \
L2:                                \
	HALVES(X14)                \
	AS                         \
	BYTES                      \
	PUTV16(X12)                \
	PUTV24(X16)                \
	ADD  $8, X14               \
	ADD  $-1, X15              \
	BNEZ X15, L2               \
	ADD  $256, X12             \
	FLOATS                     \
	NEXT($SIZE, L1)

// func packQ4RVV(dst, src *byte, stride, blocks int), and so on
PACK32(·packQ4RVV, 18, 0, 2, AS4LESS8, ONE, block, eight)
PACK32(·packQ4MinRVV, 20, 0, 4, AS4, TWO, block, eight)
PACK32(·packQ5RVV, 22, 2, 6, AS5LESS16, ONE, block, eight)
PACK32(·packQ5MinRVV, 24, 4, 8, AS5, TWO, block, eight)
PACK32(·packNLRVV, 18, 0, 2, INUNEVEN, ONE, block, eight)
PACK32(·packMXRVV, 17, 0, 1, INFP4, EXPONENT, block, eight)

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

// Two bits of V8 from SHIFT on, in V16.
#define CRUMBS(SHIFT) \
	EIGHT                    \
	VSRLVI $SHIFT, V8, V16   \
	VANDVI $3, V16, V16
#define STORE(OFFSET) \
	BYTES                    \
	ADD    $OFFSET, X20, X16 \
	PUTV16(X16)

// func packQ2KRVV(dst, src *byte, stride, blocks int)
// Parts are 16 columns of 16, 64 and 64 bytes.
TEXT ·packQ2KRVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	MOV X12, X20
	ADD $16, X10, X14
	MOV $2, X17
	MOV $128, X21

half:
	MOV $4, X15

eight:
	BYTES8(X14, V8)
	CRUMBS(0)
	STORE(0)
	CRUMBS(2)
	STORE(768)
	CRUMBS(4)
	STORE(1536)
	CRUMBS(6)
	STORE(2304)
	ADD  X21, X20 // by half a part, or to the next
	MOV  $384, X5
	SUB  X21, X5, X21
	ADD  $8, X14
	ADD  $-1, X15
	BNEZ X15, eight
	ADD  $2304, X20
	ADD  $-1, X17
	BNEZ X17, half
	ADD  $80, X10, X5
	HALF(X5, V24)
	ADD  $82, X10, X5
	HALF(X5, V28)
	MOV  X10, X14
	MOV  $16, X15

scale:
	BYTES
	VLSE8V    (X14), X11, V2
	VANDVI    $15, V2, V0
	VSRLVI    $4, V2, V1
	ADD       $256, X12
	WORDS
	VZEXTVF4  V0, V4
	VFCVTFXUV V4, V4
	VFMULVV   V24, V4, V4
	VSE32V    V4, (X12)
	ADD       $64, X12
	VZEXTVF4  V1, V4
	VFCVTFXUV V4, V4
	VFMULVV   V28, V4, V4
	VSE32V    V4, (X12)
	ADD       $64, X12
	ADD       $1, X14
	ADD       $-1, X15
	BNEZ      X15, scale
	NEXT($84, block)

// Two bits from SHIFT on and a third one of V0, 4 less.
#define THIRD(SHIFT, OFFSET) \
	CRUMBS(SHIFT)            \
	VSRLVX X6, V0, V24       \
	VANDVI $1, V24, V24      \
	VSLLVI $2, V24, V24      \
	VADDVV V24, V16, V16     \
	VADDVI $-4, V16, V16     \
	ADD    $1, X6            \
	STORE(OFFSET)

// V24 times the integers of V0, to X18.
#define SIGNED(STEP) \
	WORDS                    \
	VSEXTVF4 V0, V4          \
	VFCVTFXV V4, V4          \
	VFMULVV  V24, V4, V4     \
	VSE32V   V4, (X18)       \
	ADD      STEP, X18

// Six bits of LOW and HIGH, 32 less, as a scale.
#define SPLIT(LOW, BELOW, HIGH, ABOVE, STEP) \
	BYTES                    \
	VSRLVI $BELOW, LOW, V0   \
	VANDVI $15, V0, V0       \
	VSRLVI $ABOVE, HIGH, V1  \
	VANDVI $3, V1, V1        \
	VSLLVI $4, V1, V1        \
	VORVV  V1, V0, V0        \
	VADDVX X6, V0, V0        \
	SIGNED(STEP)
#define SPLIT4(A, B, C, D, BELOW, ABOVE) \
	SPLIT(A, BELOW, V16, ABOVE, $320) \
	SPLIT(B, BELOW, V17, ABOVE, $320) \
	SPLIT(C, BELOW, V18, ABOVE, $320) \
	SPLIT(D, BELOW, V19, ABOVE, $320)

// func packQ3KRVV(dst, src *byte, stride, blocks int)
// Parts are 16 columns of 16 and 64 bytes. X6 is the place of the third bits.
TEXT ·packQ3KRVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	MOV X12, X20
	ADD $32, X10, X14
	MOV $0, X22
	MOV $128, X21

half:
	MOV X10, X19
	MOV $4, X15

eight:
	MOV  X22, X6
	BYTES8(X14, V8)
	BYTES8(X19, V0)
	THIRD(0, 0)
	THIRD(2, 640)
	THIRD(4, 1280)
	THIRD(6, 1920)
	ADD  X21, X20 // by half a part, or to the next
	MOV  $320, X5
	SUB  X21, X5, X21
	ADD  $8, X14
	ADD  $8, X19
	ADD  $-1, X15
	BNEZ X15, eight
	ADD  $1920, X20
	ADD  $4, X22
	MOV  $8, X5
	BNE  X22, X5, half
	ADD  $108, X10, X5
	HALF(X5, V24)
	ADD  $96, X10, X5
	BYTES8(X5, V8)
	ADD  $104, X10, X5
	VLSSEG4E8V (X5), X11, V16
	MOV  $-32, X6
	ADD  $256, X12, X18
	SPLIT4(V8, V9, V10, V11, 0, 0)
	SPLIT4(V12, V13, V14, V15, 0, 2)
	SPLIT4(V8, V9, V10, V11, 4, 4)
	SPLIT4(V12, V13, V14, V15, 4, 6)
	MOV  X20, X12
	NEXT($110, block)

// func packXSRVV(dst, src *byte, stride, blocks int)
// Parts are 32 columns of 16 and 64 bytes.
TEXT ·packXSRVV(SB), NOSPLIT, $0-32
	ARGUMENTS

block:
	ADD $512, X12, X18
	ADD $8, X10, X14
	MOV $8, X17

part:
	ADD $256, X12, X16
	MOV $2, X15

eight:
	HALVES(X14)
	INUNEVEN
	BYTES
	PUTV16(X12)
	PUTV24(X16)
	ADD  $8, X14
	ADD  $-1, X15
	BNEZ X15, eight
	ADD  $64, X16, X12
	ADD  $-1, X17
	BNEZ X17, part
	HALF(X10, V24)
	BYTES8(X10, V8)
	MOV  $-32, X6
	SPLIT(V12, 0, V10, 0, $576)
	SPLIT(V12, 4, V10, 2, $576)
	SPLIT(V13, 0, V10, 4, $576)
	SPLIT(V13, 4, V10, 6, $576)
	SPLIT(V14, 0, V11, 0, $576)
	SPLIT(V14, 4, V11, 2, $576)
	SPLIT(V15, 0, V11, 4, $576)
	SPLIT(V15, 4, V11, 6, $576)
	NEXT($136, block)
