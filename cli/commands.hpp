// The subcommands, one file each.
#pragma once

#include "cli/kernels.hpp"
#include "cli/pipeline.hpp"
#include "cli/session.hpp"
#include "cli/targets.hpp"
#include "runtime/io/npy.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace tpc::cli {

// What a subcommand does once its options have been read. Throws Failure.
using Run = std::function<void(Session&)>;

// Each adds its own options and gives what to run.
Run add_check(CLI::App& command);
Run add_show(CLI::App& command);
Run add_kernel(CLI::App& command);
Run add_explain(CLI::App& command);
Run add_simulate(CLI::App& command);
Run add_predict(CLI::App& command);
Run add_spectrum(CLI::App& command);
Run add_emit(CLI::App& command);
Run add_fmt(CLI::App& command);
Run add_lsp(CLI::App& command);

// What options accept: a finite number above 0, whole numbers from `least` on, a number from 0 on or inf.
CLI::Validator positive();
CLI::Validator whole(std::int64_t least);
CLI::Validator duration();
// Names of files of arrays: with one of these endings.
CLI::Validator array_file(std::vector<std::string> endings);

// Options that several of them have.
CLI::Option* add_files(CLI::App& command, const std::string& name, std::vector<std::string>& files,
                       const std::string& about);
// The options of a sample set, by the names that it holds. `about` is for its arrays, and
// `names` for their option, where it has several.
CLI::Option* add_data(CLI::App& command, DataFiles& data, const std::string& about, const std::string& names = "");
struct KernelOptions {
    std::vector<std::string> get;
    std::string via = "T";
    [[nodiscard]] Request request() const;
};
void add_kernel_options(CLI::App& command, KernelOptions& options);
// --targets, --classify, --regress; gives the first. `about` is for it.
CLI::Option* add_targets(CLI::App& command, TargetOptions& options, const std::string& about);

// "T = 4, d = 3", of the axes for which `listed` says so.
std::string show_sizes(const ir::Program& program, const ir::Sizes& sizes,
                       const std::function<bool(ir::Symbol)>& listed = nullptr);

// The same of the axes that neither -D nor data give a size.
std::string show_chosen(const ir::Program& program, const ir::Sizes& sizes);
// On standard error, where there are any.
void tell_chosen(const ir::Program& program, const ir::Sizes& sizes);

// The group of the largest sizes, for what is told of one size; says so where there are several.
const Samples& largest_of(Session& session, const ir::Program& program, const Dataset& data);

// "5 samples in 2 groups of equal sizes", where there is more than one.
void tell_groups(Session& session, const Dataset& data, const char* what);

// Errors about a path before the work rather than after it.
void require_writable(const std::string& path);

// To an .npz in the precision of the session; nothing where the path is empty. Throws Failure.
void write_members(Session& session, const std::string& path, const std::vector<io::Member>& members);

} // namespace tpc::cli
