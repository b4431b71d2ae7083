// The compiler's stages in a row.
#pragma once

#include "cli/data.hpp"
#include "cli/session.hpp"
#include "compiler/check/gia.hpp"
#include "compiler/network/network.hpp"
#include "compiler/plan/plan.hpp"
#include "grammar/ast.hpp"

#include <string>
#include <vector>

namespace tpc::cli {

// All of these throw Failure where they cannot give their value; what they find is in session.diagnostics.

std::string read_text(const std::string& path);
// Whole or not at all.
void write_text(const std::string& path, const std::string& text);
ast::Tree parse(Session& session);     // the file alone
ast::Tree load(Session& session);      // with all that it imports, as far as there is no error
ir::Program compile(Session& session); // text -> tensor program

void verify(Session& session, const ir::Program& program, const ir::Sizes& sizes);

// The same at small sizes for the axes that have none, which it returns; with errors it says what they are.
ir::Sizes verify_small(Session& session, const ir::Program& program);

// The verdict, its reasons in session.diagnostics, for samples of these sizes (none: small ones), beside others.
check::Verdict judge(Session& session, ir::Program& program, const ir::Sizes& sizes = {},
                     const std::vector<ir::Sizes>& others = {});

// Whether the limit may be computed: the check holds, or --assume-gia insists and the outputs are readouts all the same.
// Otherwise throws.
void require_justified(Session& session, const check::Verdict& verdict);

// The program verified and judged at the sizes of each group of samples, which must agree.
check::Verdict judge(Session& session, ir::Program& program, const std::vector<const Samples*>& groups);

// Program -> network, where the verdict at the sizes of all groups lets it be.
network::Network prepare(Session& session, ir::Program program, const std::vector<const Samples*>& groups);

plan::Plan build_plan(Session& session, const network::Network& network, const ir::Sizes& left, const ir::Sizes& right,
                      bool tangent);

} // namespace tpc::cli
