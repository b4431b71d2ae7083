// From slots (values of symbols) to elements, entries and lanes.
#pragma once

#include "compiler/plan/address.hpp"

namespace tpc::execute {

using plan::all_hold;
using plan::entry_offset;
using plan::Indices;
using plan::locate;
using plan::numerator_at;
using plan::offset_in;
using plan::value_at;

} // namespace tpc::execute
