"""What edges carry by a declared rule (section 9 of docs/language.md, "What edges carry"): the names that `forward` and
`used` read, which stand among the weights of the model."""
import torch
from expression import evaluate


PERCENT = ('part', 'until', 'dense', 'rho')  # parameters of the library that are percentages


def constants(rule, given):
    """The parameters of a rule, percentages as plain numbers."""
    found = {p: given.get(p, default) for p, default in rule['params']}
    return {p: value / 100 if p in PERCENT else value for p, value in found.items()}


def stored(rule, state):
    """Does it stand among the weights?"""
    return state['shared'] or state['learned'] or f"'{state['name']}'" in repr([rule.get('forward'), rule.get('used')])


class Carried:
    """A list of edges with a declared rule."""

    def __init__(self, model, title, group, number):
        self.model, self.title, self.number = model, title, number
        self.rule = next(r for r in model.program['rules'] if r['name'] == group['using']['rule'])
        self.constants = constants(self.rule, group['using']['args'])

    def name_of(self, state, k):
        return f"{self.title}.edges.{self.number if state['shared'] else k}.{state['name']}"

    def tensor(self, state, k, count):
        shape = [1] if state['shared'] else [count]
        find = self.model.weight if state['learned'] else self.model.statistic
        return find(self.name_of(state, k), shape)

    def tensors(self, k, count):
        """All of them are found in the checkpoint."""
        for state in self.rule['states']:
            if stored(self.rule, state):
                self.tensor(state, k, count)
        if self.fixed():
            self.model.fixed.add(f'{self.title}.edges.{k}.w')

    def fixed(self):
        """Does no path lead from what edges carry to w? One does where w stands outside of stop_gradient and sign."""
        def leads(tree):
            if tree == ['name', 'w']:
                return True
            if not isinstance(tree, list) or not tree or tree[:2] in (['call', 'stop_gradient'], ['call', 'sign']) or tree[0] == 'num':
                return False
            return any(leads(part) for part in tree)
        return bool(self.rule.get('forward')) and not leads(self.rule['forward'])

    def environment(self, k, w):
        env = {**self.constants, 'w': w}
        for state in self.rule['states']:
            if stored(self.rule, state):
                value = self.tensor(state, k, len(w))
                env[state['name']] = self.model.common(value) if state['shared'] else value
        return env

    def carried(self, k, w):
        """What each candidate of a line multiplies by."""
        return evaluate(self.rule['forward'], self.environment(k, w)) if self.rule.get('forward') else w

    def used(self, k, w):
        """Truth of each candidate: is it in use? Numbers that decide, too."""
        env = self.environment(k, w.detach())
        if self.rule.get('forward'):
            env['forward'] = self.carried(k, w.detach()).detach()
        return evaluate(self.rule['used'], env) & torch.ones(len(w), dtype=torch.bool)
