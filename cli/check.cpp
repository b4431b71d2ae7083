// tpc check: the verdict of the simple GIA check.
#include "cli/commands.hpp"

#include "compiler/resolve/resolve.hpp"

namespace tpc::cli {

Run add_check(CLI::App&) {
    return [](Session& session) {
        ir::Program program = compile(session);
        const ir::Sizes sizes = resolve::small_sizes(program);
        verify(session, program, sizes);
        const check::Verdict verdict = judge(session, program);

        const auto chosen = show_sizes(program, sizes, [&](ir::Symbol s) { return !program.sizes.contains(s); });
        session.print(check::describe(verdict, program));
        if (!chosen.empty())
            session.print(fmt::format("sizes checked:\n    {} (chosen; -D gives others)\n", chosen));
        for (const auto& [symbol, size] : sizes)
            session.result["sizes"][program.info(symbol).name] = size;
        if (verdict.holds || session.options.assume_gia)
            return;
        throw Failure{refused, session.options.exact
                                   ? "the limit that does without the check (--exact) is not part of this version"
                                   : ""};
    };
}

} // namespace tpc::cli
