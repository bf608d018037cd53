/* difference.c: a derivative against differences. See difference.h.
 *
 * A kink (relu, max, the largest of a pool) between two points makes their difference wrong, by as much as
 * the slope jumps there, however near they are. A net with many of them has one within every step of 1e-6,
 * but seldom on both sides: at a point that is no kink itself the derivative is the limit from the left as
 * from the right, so that one side without a kink decides. A wrong derivative stays as wrong at every step
 * and from both sides.
 *
 * A point that is a kink itself has no derivative to compare with. Where one function has it, one side is the
 * derivative by convention (relu: 0 at 0); where it is a kink of several samples, such as a relu of a node
 * without edges, neither side need be. The slope then jumps, by the same amount at the smallest steps.
 */
#include "common/difference.h"
#include <math.h>
#include <stdbool.h>

static const double FIRST = 1e-4, LAST = 1e-7;

/* From one side: (-3 f(0) + 4 f(h) - f(2h)) / 2h; the error is of second order. */
static double one_sided(double f0, double f1, double f2, double h)
{
    return (-3 * f0 + 4 * f1 - f2) / (2 * h);
}

static double slope_jump(DifferenceFn *f, void *of, double f0, double h)
{
    return one_sided(f0, f(of, h), f(of, 2 * h), h) - one_sided(f0, f(of, -h), f(of, -2 * h), -h);
}

/* Is the point itself a kink, of a size that explains the error? */
static bool is_kink(DifferenceFn *f, void *of, double f0, double size, double error)
{
    const double jump = slope_jump(f, of, f0, LAST * size), before = slope_jump(f, of, f0, 10 * LAST * size);
    return fabs(jump) > 1e-2 * error && fabs(jump - before) < 1e-2 * fabs(jump);
}

double difference_error(DifferenceFn *f, void *of, double size, double derivative, double enough)
{
    double best = INFINITY, f0 = 0;
    for (double step = FIRST; step > LAST / 2 && !(best <= enough); step /= 10) {
        double h = step * size, right = f(of, h), left = f(of, -h), right2 = f(of, 2 * h),
               left2 = f(of, -2 * h);
        /* Fourth order: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h */
        double central = (8 * (right - left) - (right2 - left2)) / (12 * h);
        best = fmin(best, fabs(central - derivative));
        if (best <= enough) break;
        if (step == FIRST) f0 = f(of, 0);
        best = fmin(best, fabs(one_sided(f0, right, right2, h) - derivative));
        best = fmin(best, fabs(one_sided(f0, left, left2, -h) - derivative));
    }
    return best > enough && isfinite(best) && is_kink(f, of, f0, size, best) ? 0 : best;
}

typedef struct Along {
    DifferenceValue *value;
    void *of;
    double *x, centre;
} Along;

static double value_along(void *of, double offset)
{
    Along *a = of;
    *a->x = a->centre + offset;
    return a->value(a->of);
}

double difference_entry(DifferenceValue *value, void *of, double *x, double centre, double derivative,
                        double enough)
{
    double start = *x;
    Along along = {value, of, x, centre};
    double error = difference_error(value_along, &along, fmax(1, fabs(start)), derivative, enough);
    *x = start;
    return error;
}
