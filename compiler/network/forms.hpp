// The forms of all statements of a program, and what they tell together.
#pragma once

#include "compiler/network/network.hpp"

#include <vector>

namespace tpc::network {

// By statement.
std::vector<Form> forms_of(ir::Program& program);

// By family: the greatest set of families whose statements are linear in atoms, constants and families of the set.
std::vector<bool> gaussian_families(const ir::Program& program, const std::vector<Form>& forms);

// By statement: linear ones that add atoms to other vectors, or give atoms to a family of which not all is Gaussian. There
// the atoms need names of their own, so that every covariance is one of atoms with atoms, or expands into covariances of
// named elements.
std::vector<bool> statements_to_split(const ir::Program& program, const std::vector<Form>& forms);

// Numbers statements in the order of the body: what stands before what it needs is listed first.
void number_in_order(ir::Program& program);

// An activation of an activation is one activation of the inner one's Gaussian: forms read through families that one
// statement defines, element by element.
void compose_activations(ir::Program& program, std::vector<Form>& forms);

} // namespace tpc::network
