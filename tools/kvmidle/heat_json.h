/* SPDX-License-Identifier: GPL-2.0-only */
/* Heat maps for programs. The members are documented in kvmidle-heatmap(1). */
#ifndef HEAT_JSON_H
#define HEAT_JSON_H

#include "heat_picture.h"

#include <json-c/json.h>

/* Guest address by time: add the matrix to an object. */
void heat_json_time(json_object *to, const struct heat *heat);

/* Guest addresses by how long they have been idle. The rest as of picture_of_ages(). */
void heat_json_ages(json_object *to, const struct heat *heat, size_t bins_per_row,
		    const struct kvmidle_ages *ages, uint64_t page_size,
		    uint64_t pass_ns);

#endif /* HEAT_JSON_H */
