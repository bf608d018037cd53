/* question.h: functions of a graph, model or function for test blocks: shape, candidates, gradcheck ... */
#ifndef DNW_QUESTION_H
#define DNW_QUESTION_H
#include "check/check.h"

/* The value; nothing is differentiated while Check.dry. Poison after a message. */
Val *question(Check *k, const Builtin *b, Val **args, Span span);
#endif
