/* question.h: what a test block may ask of a graph, model or function: shape, candidates, gradcheck ... */
#ifndef DNW_QUESTION_H
#define DNW_QUESTION_H
#include "check/check.h"

/* The value; nothing is differentiated while Check.dry. Poison after a message. */
Val *question(Check *k, const Builtin *b, Val **args, Span span);
#endif
