/* op_pointwise.c: operators that work element by element.
 *
 * A scalar ([]) argument is repeated for each element. Derivatives at kinks: relu 0 at 0; abs and sign 0 at
 * 0; min and max give the gradient of a tie to the first argument; floor, sign and comparisons have
 * derivative 0. x mod y is x - y floor(x / y).
 */
#include "base/diag.h"
#include "ir/op.h"
#include "common/rng.h"
#include <math.h>

void pointwise_shape(Value *v)
{
    v->is_bool = op_has(v->op, OP_BOOL);
    for (int i = 0; i < v->arg_count; i++) {
        if (v->args[i]->shape.rank > 0) v->shape = v->args[i]->shape;
        if (v->args[i]->per_sample) v->per_sample = true;
    }
    if (v->op == IR_SELECT && v->args[1]->is_bool) v->is_bool = true;
    if (v->op == IR_RANDOM) v->per_sample = true;
}

double pointwise_eval(OpCode op, const double *a)
{
    switch (op) {
    case IR_ADD: return a[0] + a[1];
    case IR_SUB: return a[0] - a[1];
    case IR_MUL: return a[0] * a[1];
    case IR_DIV: return a[0] / a[1];
    case IR_MOD: return a[0] - a[1] * floor(a[0] / a[1]);
    case IR_POW: return pow(a[0], a[1]);
    case IR_NEG: return -a[0];
    case IR_ABS: return fabs(a[0]);
    case IR_SIGN: return isnan(a[0]) ? a[0] : (a[0] > 0) - (a[0] < 0);
    case IR_FLOOR: return floor(a[0]);
    case IR_EXP: return exp(a[0]);
    case IR_LOG: return log(a[0]);
    case IR_SQRT: return sqrt(a[0]);
    case IR_SIN: return sin(a[0]);
    case IR_COS: return cos(a[0]);
    case IR_TANH: return tanh(a[0]);
    case IR_SIGMOID: return 1 / (1 + exp(-a[0]));
    case IR_SOFTPLUS: return isnan(a[0]) ? a[0] : fmax(a[0], 0) + log1p(exp(-fabs(a[0])));
    case IR_ERF: return erf(a[0]);
    case IR_RELU: return a[0] < 0 ? 0 : a[0];
    case IR_MIN: return isnan(a[0]) || isnan(a[1]) ? NAN : a[0] <= a[1] ? a[0] : a[1];
    case IR_MAX: return isnan(a[0]) || isnan(a[1]) ? NAN : a[0] >= a[1] ? a[0] : a[1];
    case IR_SELECT: return a[0] != 0 ? a[1] : a[2];
    case IR_LT: return a[0] < a[1];
    case IR_LE: return a[0] <= a[1];
    case IR_EQ: return a[0] == a[1];
    case IR_AND: return a[0] != 0 && a[1] != 0;
    case IR_OR: return a[0] != 0 || a[1] != 0;
    case IR_NOT: return a[0] == 0;
    case IR_STOP:
    case IR_REPEAT: return a[0];
    case IR_DRAW: return rng_draw(a[0], a[1]);
    default: BUG("%s is not evaluated element by element", op_info[op].text);
    }
}

#define U(op, x)         func_unary(f, IR_##op, x)
#define B(op, x, y)      func_binary(f, IR_##op, x, y)
#define N(x)             func_const(f, x)
#define PICK(cond, x, y) func_add(f, IR_SELECT, v->span, 3, (Value *[]){cond, x, y})

static Value *where(Func *f, Value *condition, Value *dy)
{
    return func_add(f, IR_SELECT, dy->span, 3, (Value *[]){condition, dy, N(0)});
}

/* dy times the derivative of a function of one argument; NULL when that is zero. */
static Value *unary_grad(Func *f, Value *v, Value *dy)
{
    Value *a = v->args[0],
          *part; /* C leaves the order of arguments open; values are made one after the other */
    switch (v->op) {
    case IR_NEG: return U(NEG, dy);
    case IR_ABS: return B(MUL, dy, U(SIGN, a));
    case IR_EXP: return B(MUL, dy, v);
    case IR_LOG: return B(DIV, dy, a);
    case IR_SQRT: return B(DIV, B(MUL, dy, N(0.5)), v);
    case IR_SIN: return B(MUL, dy, U(COS, a));
    case IR_COS: return U(NEG, B(MUL, dy, U(SIN, a)));
    case IR_TANH: part = B(MUL, v, v); return B(MUL, dy, B(SUB, N(1), part));
    case IR_SIGMOID: return B(MUL, dy, B(MUL, v, B(SUB, N(1), v)));
    case IR_SOFTPLUS: return B(MUL, dy, U(SIGMOID, a));
    case IR_ERF: part = U(EXP, U(NEG, B(MUL, a, a))); return B(MUL, dy, B(MUL, N(2 / sqrt(M_PI)), part));
    case IR_RELU: return where(f, B(LT, N(0), a), dy);
    case IR_REPEAT: return dy;
    default: return NULL; /* sign, floor, stop_gradient, not */
    }
}

void pointwise_grad(Func *f, Value *v, Value *dy, const bool *wanted, Value **grads)
{
    Value *a = v->arg_count > 0 ? v->args[0] : NULL, *b = v->arg_count > 1 ? v->args[1] : NULL;
    switch (v->op) {
    case IR_ADD: grads[0] = grads[1] = dy; break;
    case IR_SUB:
        grads[0] = dy;
        if (wanted[1]) grads[1] = U(NEG, dy);
        break;
    case IR_MUL:
        if (wanted[0]) grads[0] = B(MUL, dy, b);
        if (wanted[1]) grads[1] = B(MUL, dy, a);
        break;
    case IR_DIV:
        if (wanted[0]) grads[0] = B(DIV, dy, b);
        if (wanted[1]) grads[1] = U(NEG, B(DIV, B(MUL, dy, v), b));
        break;
    case IR_MOD:
        grads[0] = dy;
        if (wanted[1]) grads[1] = U(NEG, B(MUL, dy, U(FLOOR, B(DIV, a, b))));
        break;
    case IR_POW:
        if (wanted[0]) grads[0] = B(MUL, dy, B(MUL, b, B(POW, a, B(SUB, b, N(1)))));
        if (wanted[1]) grads[1] = B(MUL, dy, B(MUL, v, U(LOG, a)));
        break;
    case IR_MIN:
        if (wanted[0]) grads[0] = where(f, B(LE, a, b), dy);
        if (wanted[1]) grads[1] = where(f, B(LT, b, a), dy);
        break;
    case IR_MAX:
        if (wanted[0]) grads[0] = where(f, B(LE, b, a), dy);
        if (wanted[1]) grads[1] = where(f, B(LT, a, b), dy);
        break;
    case IR_SELECT:
        if (wanted[1]) grads[1] = PICK(a, dy, N(0));
        if (wanted[2]) grads[2] = PICK(a, N(0), dy);
        break;
    default:
        if (v->arg_count == 1 && wanted[0]) grads[0] = unary_grad(f, v, dy);
        break;
    }
}
