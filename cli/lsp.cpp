// tpc lsp: the language server over standard input and output.
#include "cli/commands.hpp"

#include "cli/library.hpp"
#include "server/server.hpp"

#include <iostream>
#include <memory>

namespace tpc::cli {

Run add_lsp(CLI::App& command) {
    const auto stdio = std::make_shared<bool>();
    command.add_flag("--stdio", *stdio, "standard input and output, as always (editors say so)");
    return [stdio](Session&) {
        std::ios::sync_with_stdio(false);
        if (server::serve(std::cin, std::cout, library_folders(), TPC_VERSION) != 0)
            throw Failure{program_error, ""}; // the editor left without a word
    };
}

} // namespace tpc::cli
