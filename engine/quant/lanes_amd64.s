//go:build !purego

#include "go_asm.h"
#include "textflag.h"

// Broadcasts the 32 bits BITS to Y; X is its lower half.
#define CONST(BITS, X, Y) \
	MOVL         $BITS, BX \
	MOVQ         BX, X     \
	VPBROADCASTD X, Y

// What nearest needs: 1.5 * 2^23 in Y2, the low 23 bits in Y3, 2^22 in Y4.
#define CONSTANTS \
	CONST(0x4b400000, X2, Y2) \
	CONST(0x007fffff, X3, Y3) \
	CONST(0x00400000, X4, Y4)

// Makes V the nearest integers as nearest does, cut to Y6..Y5.
#define NEAREST(V) \
	VADDPS  Y2, V, V \
	VPAND   Y3, V, V \
	VPSUBD  Y4, V, V \
	VPMINSD Y5, V, V \
	VPMAXSD Y6, V, V

// Points SI and DI at elements and weights, DX at AT, and has a count in CX.
#define POINT(AT) \
	LEAQ frame_x(AX), SI \
	LEAQ frame_w(AX), DI \
	LEAQ AT(AX), DX      \
	MOVL frame_n(AX), CX

#define NEXT \
	ADDQ $32, SI \
	ADDQ $32, DI \
	ADDQ $32, DX \
	DECL CX

// func affineAVX2(f *frame)
// The best error is in the first sum, sums of w and w x in Y14 and Y15.
TEXT ·affineAVX2(SB), NOSPLIT, $0-8
	MOVQ         f+0(FP), AX
	CONSTANTS
	VPBROADCASTD frame_top(AX), Y5
	VPXOR        Y6, Y6, Y6

	// Bounds and sums.
	POINT(frame_q)
	VMOVUPS      (SI), Y0
	VMOVAPS      Y0, Y1
	VXORPS       Y14, Y14, Y14
	VXORPS       Y15, Y15, Y15

bounds:
	VMOVUPS (SI), Y10
	VMINPS  Y0, Y10, Y0
	VMAXPS  Y1, Y10, Y1
	VMOVUPS (DI), Y11
	VADDPS  Y11, Y14, Y14
	VMULPS  Y10, Y11, Y11
	VADDPS  Y11, Y15, Y15
	NEXT
	JNZ     bounds
	VMINPS  Y6, Y0, Y0
	VMOVUPS Y0, frame_least(AX)
	VMOVUPS Y0, frame_low(AX)
	VMOVUPS Y1, frame_high(AX)
	LEAQ    frame_table(AX), R9
	MOVL    frame_tries(AX), R10
	XORL    R8, R8                 // 0 during the first try

try:
	// Integers for the inverse table / (high - low), with sums of w q, w q^2 and w q x in Y7, Y8 and Y9.
	POINT(frame_q)
	VMOVUPS      frame_low(AX), Y0
	VMOVUPS      frame_high(AX), Y1
	VSUBPS       Y0, Y1, Y1
	VBROADCASTSS (R9), Y10
	VDIVPS       Y1, Y10, Y1
	VXORPS       Y7, Y7, Y7
	VXORPS       Y8, Y8, Y8
	VXORPS       Y9, Y9, Y9

integers:
	VMOVUPS   (SI), Y10
	VSUBPS    Y0, Y10, Y11
	VMULPS    Y11, Y1, Y11
	NEAREST(Y11)
	VCVTDQ2PS Y11, Y11
	VMOVUPS   Y11, (DX)
	VMULPS    (DI), Y11, Y12
	VADDPS    Y12, Y7, Y7
	VMULPS    Y11, Y12, Y13
	VADDPS    Y13, Y8, Y8
	VMULPS    Y10, Y12, Y12
	VADDPS    Y12, Y9, Y9
	NEXT
	JNZ       integers
	TESTL     R8, R8
	JNZ       solve

	// The first scale is the inverse of the inverse, for the bounds as they are.
	VMOVUPS Y0, frame_from(AX)
	VMOVUPS Y1, frame_inv(AX)
	CONST(0x3f800000, X10, Y10)
	VDIVPS  Y1, Y10, Y10
	VMOVUPS Y10, frame_scale(AX)
	VMOVAPS Y0, Y11
	JMP     measure

solve:
	// Scale Y10 and minimum Y11 with the least square error, the determinant in Y12.
	VMULPS    Y8, Y14, Y12
	VMULPS    Y7, Y7, Y13
	VSUBPS    Y13, Y12, Y12
	VMULPS    Y9, Y14, Y10
	VMULPS    Y7, Y15, Y13
	VSUBPS    Y13, Y10, Y10
	VDIVPS    Y12, Y10, Y10
	VMULPS    Y15, Y8, Y11
	VMULPS    Y9, Y7, Y13
	VSUBPS    Y13, Y11, Y11
	VDIVPS    Y12, Y11, Y11
	VDIVPS    Y8, Y9, Y13
	VCMPPS    $0x1e, Y6, Y11, Y9        // the minimum is above 0
	VBLENDVPS Y9, Y13, Y10, Y10
	VANDNPS   Y11, Y9, Y11
	VCMPPS    $0x1e, Y6, Y12, Y12       // the determinant is above 0

measure:
	// The error of scale Y10 and minimum Y11 in Y7.
	POINT(frame_q)
	VXORPS Y7, Y7, Y7
	CMPL   frame_absolute(AX), $0
	JNE    magnitudes

squares:
	VMULPS (DX), Y10, Y9
	VADDPS Y11, Y9, Y9
	VSUBPS (SI), Y9, Y9
	VMULPS Y9, Y9, Y9
	VMULPS (DI), Y9, Y9
	VADDPS Y9, Y7, Y7
	NEXT
	JNZ    squares
	JMP    compare

magnitudes:
	CONST(0x7fffffff, X8, Y8)

magnitude:
	VMULPS (DX), Y10, Y9
	VADDPS Y11, Y9, Y9
	VSUBPS (SI), Y9, Y9
	VANDPS Y8, Y9, Y9
	VMULPS (DI), Y9, Y9
	VADDPS Y9, Y7, Y7
	NEXT
	JNZ    magnitude

compare:
	TESTL     R8, R8
	JNZ       improve
	VMOVUPS   Y7, frame_sums(AX)
	MOVL      $1, R8
	JMP       more

improve:
	VMOVUPS   frame_sums(AX), Y8
	VCMPPS    $0x11, Y8, Y7, Y9         // the error is smaller
	VANDPS    Y12, Y9, Y9
	VBLENDVPS Y9, Y7, Y8, Y8
	VMOVUPS   Y8, frame_sums(AX)
	VMOVUPS   frame_from(AX), Y8
	VBLENDVPS Y9, Y0, Y8, Y8
	VMOVUPS   Y8, frame_from(AX)
	VMOVUPS   frame_inv(AX), Y8
	VBLENDVPS Y9, Y1, Y8, Y8
	VMOVUPS   Y8, frame_inv(AX)
	VMOVUPS   frame_scale(AX), Y8
	VBLENDVPS Y9, Y10, Y8, Y8
	VMOVUPS   Y8, frame_scale(AX)
	VBLENDVPS Y9, Y11, Y0, Y0
	VMOVUPS   Y0, frame_low(AX)

more:
	ADDQ $4, R9
	DECL R10
	JNZ  try
	VZEROUPPER
	RET

// Begins a search for scales without minimum: the first inverse in Y1, the table at R9.
#define SEARCH \
	VMOVUPS frame_inv(AX), Y1  \
	LEAQ    frame_table(AX), R9 \
	MOVL    frame_tries(AX), R10 \
	XORL    R8, R8

// Keeps scale, inverse and quality (in the first sum) that follow from the sums Y7 and Y8: at first all of them, then the better
// ones. Jumps to AGAIN with the next inverse in Y1 while there is one.
#define KEEP(IMPROVE, MORE, AGAIN) \
	VDIVPS       Y8, Y7, Y9               \
	VMULPS       Y7, Y9, Y10              \
	TESTL        R8, R8                   \
	JNZ          IMPROVE                  \
	VXORPS       Y11, Y11, Y11            \
	VCMPPS       $0x04, Y11, Y8, Y11      \
	VANDPS       Y11, Y9, Y9              \
	VMULPS       Y7, Y9, Y10              \
	VMOVUPS      Y9, frame_scale(AX)      \
	VMOVUPS      Y10, frame_sums(AX)      \
	MOVL         $1, R8                   \
	JMP          MORE                     \
IMPROVE:                                  \
	VMOVUPS      frame_sums(AX), Y12      \
	VMULPS       Y7, Y7, Y11              \
	VMULPS       Y8, Y12, Y13             \
	VCMPPS       $0x1e, Y13, Y11, Y11     \
	VXORPS       Y13, Y13, Y13            \
	VCMPPS       $0x1e, Y13, Y8, Y13      \
	VANDPS       Y13, Y11, Y11            \
	VBLENDVPS    Y11, Y10, Y12, Y12       \
	VMOVUPS      Y12, frame_sums(AX)      \
	VMOVUPS      frame_scale(AX), Y12     \
	VBLENDVPS    Y11, Y9, Y12, Y12        \
	VMOVUPS      Y12, frame_scale(AX)     \
	VMOVUPS      frame_inv(AX), Y12       \
	VBLENDVPS    Y11, Y1, Y12, Y12        \
	VMOVUPS      Y12, frame_inv(AX)       \
MORE:                                     \
	VBROADCASTSS (R9), Y1                 \
	VDIVPS       frame_peak(AX), Y1, Y1   \
	ADDQ         $4, R9                   \
	DECL         R10                      \
	JNS          AGAIN

// func signedAVX2(f *frame)
TEXT ·signedAVX2(SB), NOSPLIT, $0-8
	MOVQ         f+0(FP), AX
	CONSTANTS
	VPBROADCASTD frame_top(AX), Y5
	VPBROADCASTD frame_bottom(AX), Y6
	SEARCH

try:
	POINT(frame_wx)
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8

loop:
	VMULPS    (SI), Y1, Y11
	NEAREST(Y11)
	VCVTDQ2PS Y11, Y11
	VMULPS    (DX), Y11, Y12
	VADDPS    Y12, Y7, Y7
	VMULPS    (DI), Y11, Y13
	VMULPS    Y11, Y13, Y13
	VADDPS    Y13, Y8, Y8
	NEXT
	JNZ       loop
	KEEP(improve, more, try)
	VZEROUPPER
	RET

// Adds the gap of threshold N to Y12 where Y11 is not below it.
#define STEP(N) \
	VCMPPS $5, (N*64)(R11), Y11, Y13  \
	VANDPS (N*64+32)(R11), Y13, Y13   \
	VADDPS Y13, Y12, Y12

// func steppedAVX2(f *frame, thresholds *[15]threshold)
TEXT ·steppedAVX2(SB), NOSPLIT, $0-16
	MOVQ f+0(FP), AX
	MOVQ thresholds+8(FP), R11
	CONST(0xc2fe0000, X2, Y2)        // -127, the first step
	SEARCH

try:
	POINT(frame_q)
	VXORPS Y7, Y7, Y7
	VXORPS Y8, Y8, Y8

loop:
	VMOVUPS (SI), Y10
	VMULPS  Y10, Y1, Y11
	VMOVAPS Y2, Y12
	STEP(0)
	STEP(1)
	STEP(2)
	STEP(3)
	STEP(4)
	STEP(5)
	STEP(6)
	STEP(7)
	STEP(8)
	STEP(9)
	STEP(10)
	STEP(11)
	STEP(12)
	STEP(13)
	STEP(14)
	VMULPS  (DI), Y12, Y13
	VMULPS  Y10, Y13, Y14
	VADDPS  Y14, Y7, Y7
	VMULPS  Y12, Y13, Y13
	VADDPS  Y13, Y8, Y8
	NEXT
	JNZ     loop
	KEEP(improve, more, try)
	VZEROUPPER
	RET

// func refineAVX2(f *frame)
// Sums of w x q and w q^2 in Y7 and Y8, all lanes that changed in Y9.
TEXT ·refineAVX2(SB), NOSPLIT, $0-8
	MOVQ         f+0(FP), AX
	CONSTANTS
	VPBROADCASTD frame_top(AX), Y5
	VPBROADCASTD frame_bottom(AX), Y6
	VMOVUPS      frame_inv(AX), Y1
	VXORPS       Y7, Y7, Y7
	VXORPS       Y8, Y8, Y8
	LEAQ         frame_q(AX), R8
	POINT(frame_wx)

first:
	VMULPS    (SI), Y1, Y11
	NEAREST(Y11)
	VCVTDQ2PS Y11, Y11
	VMOVUPS   Y11, (R8)
	VMULPS    (DX), Y11, Y12
	VADDPS    Y12, Y7, Y7
	VMULPS    (DI), Y11, Y13
	VMULPS    Y11, Y13, Y13
	VADDPS    Y13, Y8, Y8
	ADDQ      $32, R8
	NEXT
	JNZ       first
	VXORPS    Y0, Y0, Y0
	MOVL      $5, R10

pass:
	LEAQ   frame_q(AX), R8
	POINT(frame_wx)
	VXORPS Y9, Y9, Y9

loop:
	VMOVUPS   (R8), Y10               // q
	VMULPS    (DX), Y10, Y11
	VSUBPS    Y11, Y7, Y11            // the first sum without the element
	VMULPS    (DI), Y10, Y12
	VMULPS    Y10, Y12, Y12
	VSUBPS    Y12, Y8, Y12            // the second one
	VCMPPS    $0x1e, Y0, Y11, Y15     // is the first above 0
	VMULPS    (SI), Y12, Y13
	VDIVPS    Y11, Y13, Y13
	NEAREST(Y13)                      // where q would move
	VCVTDQ2PS Y13, Y13
	VCMPPS    $0x04, Y10, Y13, Y14    // is that elsewhere
	VANDPS    Y14, Y15, Y15
	VMULPS    (DX), Y13, Y14
	VADDPS    Y14, Y11, Y11           // the sums with it moved
	VMULPS    (DI), Y13, Y14
	VMULPS    Y13, Y14, Y14
	VADDPS    Y14, Y12, Y12
	VCMPPS    $0x1e, Y0, Y12, Y14     // is the second above 0
	VANDPS    Y14, Y15, Y15
	VMULPS    Y11, Y11, Y14
	VMULPS    Y8, Y14, Y14
	VMULPS    Y7, Y7, Y1
	VMULPS    Y12, Y1, Y1
	VCMPPS    $0x1e, Y1, Y14, Y14     // does the error shrink
	VANDPS    Y14, Y15, Y15
	VORPS     Y15, Y9, Y9
	VBLENDVPS Y15, Y13, Y10, Y10
	VBLENDVPS Y15, Y11, Y7, Y7
	VBLENDVPS Y15, Y12, Y8, Y8
	VMOVUPS   Y10, (R8)
	ADDQ      $32, R8
	NEXT
	JNZ       loop
	VMOVMSKPS Y9, BX
	TESTL     BX, BX
	JZ        done
	DECL      R10
	JNZ       pass

done:
	VCMPPS  $0x1e, Y0, Y8, Y9
	VDIVPS  Y8, Y7, Y7
	VANDPS  Y9, Y7, Y7
	VMOVUPS Y7, frame_scale(AX)
	VZEROUPPER
	RET

// func cutAVX2(q *uint8, x *float32, n int, r *rounding)
TEXT ·cutAVX2(SB), NOSPLIT, $0-32
	MOVQ         q+0(FP), DI
	MOVQ         x+8(FP), SI
	MOVQ         n+16(FP), CX
	MOVQ         r+24(FP), AX
	VBROADCASTSS rounding_d(AX), Y0
	VBROADCASTSS rounding_m(AX), Y1
	VPBROADCASTD rounding_top(AX), Y5
	VPBROADCASTD rounding_bottom(AX), Y6
	CONSTANTS

loop:
	VADDPS       (SI), Y1, Y7
	VDIVPS       Y0, Y7, Y7
	NEAREST(Y7)
	VPSUBD       Y6, Y7, Y7
	VEXTRACTI128 $1, Y7, X8
	VPACKSSDW    X8, X7, X7
	VPACKUSWB    X7, X7, X7
	VMOVQ        X7, (DI)
	ADDQ         $32, SI
	ADDQ         $8, DI
	SUBQ         $8, CX
	JNZ          loop
	VZEROUPPER
	RET
