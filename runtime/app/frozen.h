/* frozen.h: the network of a frozen program. It predicts; there is nothing to train or to load. */
#ifndef RT_FROZEN_H
#define RT_FROZEN_H
#include "app/session.h"

extern const NetCalls frozen_calls;
#endif
