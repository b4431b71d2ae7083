// Lets libzip write an archive into an output file of ours.
#pragma once

#include "runtime/io/output_file.hpp"

#include <optional>

#include <zip.h>

namespace tpc::io {

// State of the source; must outlive it.
struct ZipSink {
    OutputFile* file = nullptr;
    zip_error_t error{};
    std::optional<Error> failure; // of the file itself: says more than libzip's code
};

// A source that is empty to readers and writes to the file. libzip by itself would put a named temporary file of its own
// beside the output, which a killed process leaves behind.
zip_source_t* make_zip_source(ZipSink& sink);

} // namespace tpc::io
