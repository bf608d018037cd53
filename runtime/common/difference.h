/* difference.h: is a number the derivative of a function that has kinks? For gradcheck, of the compiler
 * and of programs.
 */
#ifndef RT_DIFFERENCE_H
#define RT_DIFFERENCE_H

/* The function at its point plus `offset`. */
typedef double DifferenceFn(void *of, double offset);

/* |difference - derivative|, the smallest over steps of 1e-4 to 1e-7 times `size`; no more are tried when it
 * is at most `enough`. 0 where the point is a kink itself, INFINITY where the function is NaN. */
double difference_error(DifferenceFn *f, void *of, double size, double derivative, double enough);

/* A function that reads a number at an address. */
typedef double DifferenceValue(void *of);

/* difference_error of `value` as a function of the number *x, at *x = centre. *x is restored. */
double difference_entry(DifferenceValue *value, void *of, double *x, double centre, double derivative,
                        double enough);

#endif
