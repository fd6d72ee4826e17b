// Package kernel does the arithmetic of the engine: dequantisation, matrix products and the functions between them.
//
// Its results are the same bits on every instruction set, for every number of threads and every batch size, so that a
// published run can be repeated anywhere. Four rules make that hold, and assembly must keep them too:
//
//  1. Every float product is rounded by an explicit conversion, float32(a*b), which keeps the compiler from fusing it
//     with an addition (the Go specification, "Floating-point operators"). A test reads the sources for others. What is to
//     be rounded once is a call of fma.
//  2. A float sum has a fixed order. Dot products of floats have 16 lanes, lane l taking the elements i with i%16 == l in
//     order of i as lane = fma(a, b, lane); then the lanes are folded in halves: l with l+8, l+4, l+2, l+1. Rows are added
//     to an output in their order, as out = fma(factor, element, out). Sums of float64, of squares and of exponentials, have
//     such lanes too. Products with quantised weights are exact integers within a block, which has a scale s and perhaps a
//     minimum m; sum is that of the vector's integers in the block. With vectors in blocks of 32, of scale d, a block is
//     acc = fma(s*d, product, acc) and then acc = fma(m*d, sum, acc). With vectors in blocks of 256, a block is
//     t = fma(s, product, t) and then t = fma(-m, sum, t), from t = 0 on, and acc = fma(d, t, acc) follows 256 elements.
//     All in order of the blocks.
//  3. No function of package math but Sqrt, which IEEE 754 rounds correctly; exponentials and sines are polynomials here.
//  4. No conversion of a float to an integer where it could be out of range or not a number, since that differs by machine.
//
// An output element depends on one row of weights and one vector, never on its neighbours in a batch.
// Not-a-number results may differ in sign and payload only.
package kernel
