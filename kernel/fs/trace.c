// SPDX-License-Identifier: GPL-2.0 OR MIT
/* Where the code behind trace.h is made. */
#define CREATE_TRACE_POINTS
#include "trace.h"
