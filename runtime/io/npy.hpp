// NumPy's .npy and .npz files, format versions 1 to 3. No function here throws; every error is one line that begins with the
// path.
#pragma once

#include "runtime/io/array.hpp"
#include "runtime/io/result.hpp"

#include <string>
#include <vector>

namespace tpc::io {

// float32, float64, (u)int8..64 or bool, little or big endian, C or Fortran order. Errors: missing or unreadable file, not a
// NumPy file, truncated, other dtype, NaN or infinite numbers (with the index of the first) where those are not taken.
Result<Array> read_npy(const std::string& path, Numbers numbers = Numbers::finite);

// The members in the order of the archive, stored or compressed. Errors as above and: not a zip archive, damaged, a member
// that is no array, two of one name.
Result<std::vector<Member>> read_npz(const std::string& path, Numbers numbers = Numbers::finite);

// Either of the two, told apart by content; the one member of an .npy file has an empty name.
Result<std::vector<Member>> read_arrays(const std::string& path, Numbers numbers = Numbers::finite);

// Little endian, C order; the file appears under its name only when it is complete. Errors: unwritable, disagreement of
// shape and values, numbers beyond the range of float32 where that is asked for.
Result<Done> write_npy(const std::string& path, const Array& array, Precision precision = Precision::f64);

// Uncompressed; the bytes depend on nothing but the members. Also refused: no members, empty or repeated names.
Result<Done> write_npz(const std::string& path, const std::vector<Member>& members, Precision precision = Precision::f64);

} // namespace tpc::io
