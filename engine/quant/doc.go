// Package quant turns float weights into the block types of GGUF files, and back.
//
// [Quantise] gives the bytes that llama.cpp v0.5.0 gives without an importance matrix. These files are what people pass on, so the
// same model, quantised here or there, has to have one digest. What follows from that:
//
//   - Every sum runs in the order of the elements, in float32, and every product is rounded before it is added. So does
//     llama.cpp's library as it is built for x86-64 by default: its quantisers stand in ggml-base, which is compiled for the
//     baseline instruction set without fused multiply-add, for one thread as for many.
//   - A build of llama.cpp whose compiler fuses products into sums (arm64, or x86-64 with CFLAGS for a machine that can) chooses some
//     other scales: built with -mfma, 4 % of the bytes of Q2_K and Q5_K, under 1 % of Q4_K, Q6_K, IQ4_NL and IQ4_XS differed. With
//     it, identity is promised for F32, F16, BF16, Q8_0 and MXFP4 only, which add no products that need rounding; Q4_0 to Q5_1 and
//     Q3_K agreed in that sample.
//   - Elements that are infinite or not a number, and blocks whose scale the type cannot hold, are errors here, as they are in
//     llama-quantize; its library alone would store them.
//
// [Dequantise] is written for clarity and shares nothing with the engine's kernels, whose tests use it as their oracle.
//
// [File] quantises a whole GGUF file as llama-quantize does, with its choice of types.
package quant
