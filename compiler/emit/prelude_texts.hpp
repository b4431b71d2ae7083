// The pieces of prelude.cpp. Each is C++ of the emitted file: prelude_*.cpp.
#pragma once

namespace tpc::emit {

extern const char* const inside_text;
extern const char* const wrap_text;
extern const char* const clamp_text;
extern const char* const reductions_text;
extern const char* const types_text;
extern const char* const moment_text;
extern const char* const add_text;
extern const char* const finish_text;
extern const char* const correlation_text;
extern const char* const angle_text;
extern const char* const homogeneous_text;
extern const char* const piecewise_text;
extern const char* const features_text;
extern const char* const series_text;
extern const char* const quadrature_text;

} // namespace tpc::emit
