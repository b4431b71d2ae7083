// Compiles a program with the installed libraries: parse, resolve, check.
#include <compiler/check/gia.hpp>
#include <compiler/resolve/resolve.hpp>
#include <grammar/parse.hpp>

#include <cstdio>

namespace {

constexpr const char* program = "program two_layer\n"
                                "input xi : R[d]\n"
                                "matrix U ~ N(0, 1/d)\n"
                                "vector v ~ N(0, 1)\n"
                                "output v' @ relu(U @ xi) / sqrt(n)\n";

} // namespace

int main() {
    tpc::source::Files files;
    files.files.push_back({"two_layer.tp", program});
    tpc::source::Diagnostics diagnostics;
    const auto tree = tpc::grammar::parse(files, 0, diagnostics);
    if (!tree) {
        return 1;
    }
    auto resolved = tpc::resolve::resolve(*tree, files, {}, diagnostics);
    if (!resolved) {
        return 1;
    }
    const auto verdict = tpc::check::check(*resolved, diagnostics);
    std::puts(verdict.holds ? "the simple GIA check holds" : "the simple GIA check fails");
    return verdict.holds ? 0 : 1;
}
