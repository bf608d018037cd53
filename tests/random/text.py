"""Writes a program tree (see program.py) as the text of a .dnw file."""

import listed
from carried import PERCENT
from generated import source_text

LEVEL = {'or': 1, 'and': 2, 'not': 3, '==': 4, '!=': 4, '<': 4, '<=': 4, '>': 4, '>=': 4,
         '+': 5, '-': 5, '*': 6, '/': 6, 'mod': 6, 'neg': 7, '^': 8}


OPTIONS = {}


def number(value):
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return OPTIONS.get(value) or literal(value)


def start(value):
    return value if isinstance(value, str) else number(value)


def literal(value):
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return repr(value)


def binary(tree, least):
    op, left, right = tree[1], tree[2], tree[3]
    level = LEVEL[op]
    if op == '^':
        inner = expr(left, level + 1) + ' ^ ' + expr(right, level)
    elif level == 4:
        inner = f'{expr(left, 5)} {op} {expr(right, 5)}'
    else:
        inner = f'{expr(left, level)} {op} {expr(right, level + 1)}'
    return f'({inner})' if level < least else inner


def expr(tree, least=0):
    """Text of an expression with no more parentheses than the table of operators wants."""
    kind = tree[0]
    if kind == 'num':
        text = number(tree[1])
        return f'({text})' if tree[1] < 0 and least > 7 else text
    if kind == 'name':
        return tree[1]
    if kind == 'element':
        return f'{tree[1]}[' + ', '.join(str(i) for i in tree[2]) + ']'
    if kind == 'array':
        return tree[1]
    if kind == 'list':
        return '[' + ', '.join(expr(e) for e in tree[1]) + ']'
    if kind == 'each':
        return f'[{expr(tree[1])} for {tree[2]} in {values(tree[3])}]'
    if kind == 'tuple':
        return '(' + ', '.join(expr(e) for e in tree[1]) + ')'
    if kind == 'item':
        return f'({expr(tree[1])})[{tree[2]}]'
    if kind == 'point':
        return f'{tree[1]}[' + ', '.join(tree[2]) + ']'
    if kind == 'call':
        return f'{tree[1]}(' + arguments(tree[2], tree[3] if len(tree) > 3 else {}) + ')'
    if kind == 'if':
        text = f'if {expr(tree[1])} then {expr(tree[2])} else {expr(tree[3])}'
        return f'({text})' if least > 0 else text
    if kind in ('not', 'neg'):
        level = LEVEL[kind]
        text = ('not ' if kind == 'not' else '-') + expr(tree[1], level)
        return f'({text})' if level < least else text
    return binary(tree, least)


def values(tree):
    """What the name of a comprehension stands for."""
    if tree[0] == 'range':
        return f'{number(tree[1])} .. {number(tree[2])}'
    return '[' + ', '.join(number(v) for v in tree[1]) + ']'


def arguments(args, named):
    return ', '.join([expr(a) for a in args] + [f'{k} = {expr(v)}' for k, v in named.items()])


def reference(ref):
    """A function with the arguments that are given to it beforehand: scale(by_ = 2)."""
    if ref.get('args'):
        values = {k: expr(v['tree']) if isinstance(v, dict) else number(v) for k, v in ref['args'].items()}
        return f"{ref['fn']}(" + ', '.join(f'{k} = {v}' for k, v in values.items()) + ')'
    return ref['fn']


def weight(w):
    sizes = '[' + ', '.join(map(str, w['sizes'])) + ']' if w['sizes'] else ''
    limits = f" in {number(w['range'][0])} .. {number(w['range'][1])}" if w.get('range') else ''
    shared = 'shared ' if w.get('shared') else ''
    trait = w.get('trait')
    learns = f' {trait}' if isinstance(trait, str) else ' with ' + ', '.join(f'{k} = {v}%' for k, v in trait.items()) if trait else ''
    return f"{shared}weight {w['name']}{sizes}{limits} {w['init']}{learns}"


def function(fn):
    params = ', '.join(n if d is None else f'{n} = {number(d)}' for n, d in fn['params'])
    lines = [weight(w) for w in fn['weights']]
    lines += [f"state {s['name']} = {start(s['start'])}" for s in fn['states']]
    lines += [f'{name} = {expr(e)}' for name, e in fn['lets']]
    for name, e in fn['moves']:
        lines.append(f'next {name} = {expr(e)}' if fn['clock'] == 'steps' else f"{name}' = {expr(e)}")
    lines += [f'cost {name} = {expr(e)}' for name, e in fn.get('costs', [])]
    value = expr(fn['value'])
    if fn.get('second') is not None:
        value = f"({value}, {expr(fn['second'])})"
    if fn.get('shown') is not None:
        value = f"({value}, {expr(fn['shown'])})"
    if not lines:
        return f"fn {fn['name']}({params}) = {value}"
    return f"fn {fn['name']}({params}) {{\n  " + '\n  '.join(lines + [value]) + '\n}'


def budget(b):
    if b['kind'] == 'anneal':
        curve = f', curve = "{b["curve"]}"' if b.get('curve') else ''
        return f"anneal({amount(b['start'])}, {amount(b['end'])}, epochs = {number(b['epochs'])}{curve})"
    return amount(b)


def amount(b):
    if b['kind'] == 'share':
        return f"share({OPTIONS[b['value']]} / 100)" if b['value'] in OPTIONS else f"{literal(b['value'])}%"
    if b['kind'] == 'all':
        return 'all'
    if b['kind'] == 'count':
        return number(b['value'])
    return f"{b['kind']}({number(b['value'])})"


def edge_set(name, indices):
    return f"{name}[{', '.join(indices)}]" if indices else name


def edge_line(line):
    text = f"{edge_set(line['from'], line['from_index'])} -> {edge_set(line['to'], line['to_index'])}"
    if line.get('port'):
        text += f".{line['port']}"
    if line.get('listed'):
        name = listed.line_in_table(line['listed'])
        text += f""" in file("{line['listed']['file']}"{f', line = "{name}"' if name else ''})"""
    if line.get('made'):
        text += f" in {source_text(line['made'])}"
    if line.get('where') is not None:
        text += f" where {expr(line['where'])}"
    if line.get('via'):
        text += f" via {reference(line['via'])}"
    return text


def key(parts):
    return expr(parts[0]) if len(parts) == 1 else f"({', '.join(map(expr, parts))})"


def edge_list(group):
    text = ''
    if group.get('via'):
        text += f" via {reference(group['via'])}"
    if group.get('tied'):
        parts = ', '.join(map(expr, group['tied']))
        text += f""" tied ("{group['text']}", {parts})""" if group.get('text') else f" tied {key(group['tied'])}"
    if group.get('budget'):
        text += f" {group['rule']} {budget(group['budget'])}"
    if group.get('budget') and group.get('of'):
        text += f" of {key(group['of'])}"
    if group.get('using'):
        text += using(group['using'])
    if group.get('budget') and group.get('of') and group['by']:
        text += f" by {group['score']}({group['by']})"
    elif group.get('by'):
        text += f" by {group['by']}"
    if len(group['lines']) == 1:
        return f"  edges {edge_line(group['lines'][0])}{text}"
    lines = ''.join(f'    {edge_line(line)}\n' for line in group['lines'])
    return f'  edges {{\n{lines}  }}{text}'


def rule_amount(a):
    if a['kind'] == 'percent':
        return f" {a['value']}%"
    return ' ' + (f"share({expr(a['value'])})" if a['kind'] == 'share' else expr(a['value']))


def rule_action(a):
    if a['verb'] == 'reset':
        return f"reset {a['target']} = {expr(a['value'])}"
    begin = f" at {expr(a['value'])}" if a['value'] else ' at fresh' if a['fresh'] else ''
    return f"{a['verb']}{rule_amount(a['amount']) if a['amount'] else ''} by {expr(a['score'])}{begin}"


def rule_event(e):
    if 'once' in e:
        share = isinstance(e['once'], dict)
        return f"once(at = {literal(e['once']['at'])}%)" if share else f"once(at = {literal(e['once'])})"
    parts = [f'{k} = {expr(e[k])}' for k in ('steps', 'epochs') if k in e]
    parts += [f"{k} = {expr(e[k]['at'])}{'%' if e[k]['percent'] else ''}" for k in ('from', 'until') if e[k]]
    return f"every({', '.join(parts)})"


def rule_state(s):
    start = f" {s['start']}" if isinstance(s['start'], str) else f" = {literal(s['start'])}"
    return f"{'shared ' if s['shared'] else ''}{'weight' if s['learned'] else 'state'} {s['name']}{start}"


def rule(r):
    lines = [f"gradient = {r['gradient']}"] if r['gradient'] else []
    lines += [f"weight ~ {r['weight']}"] if r.get('weight') else []
    lines += ['start = all'] if r.get('start') == 'all' else []
    lines += [rule_state(s) for s in r['states']]
    lines += [f'{title} = {expr(r[title])}' for title in ('forward', 'used') if r.get(title)]
    lines += [f'{title} = {expr(tree)}' for title, tree in r['lets']]
    lines += [f"next {s['name']} = {expr(s['next'])}" for s in r['states'] if s['next']]
    for e in r['events']:
        lines += [f'on {rule_event(e)} {{'] + ['  ' + rule_action(a) for a in e['actions']] + ['}']
    return f"rule {r['name']} {{\n  " + '\n  '.join(lines) + '\n}'


def using(ref):
    args = ', '.join(f"{k} = {literal(v)}{'%' if k in PERCENT else ''}" for k, v in ref['args'].items())
    return f" using {ref['rule']}{f'({args})' if args else ''}"


def node_set(s):
    text = f"  {s['kind']} {s['name']}"
    if s['sizes']:
        names = s.get('indices') or []
        sizes = [f'{names[k]}: {n}' if names else str(n) for k, n in enumerate(s['sizes'])]
        text += f"[{', '.join(sizes)}]"
    if s.get('at'):
        text += ' at (' + ', '.join(expr(e) for e in s['at']) + ')'
    if s.get('fn'):
        text += f" : {reference(s['fn'])}"
    return text


def graph(g):
    lines = []
    if g.get('time'):
        t = g['time']
        if t['kind'] == 'steps':
            lines.append(f"  time = steps({t['n']})")
        else:
            lines.append(f"  time = flow({number(t['t0'])}, {number(t['t1'])}, {t['solver']}({t['settings']}))")
    sets = [node_set(s) for s in g['sets']]
    if g.get('sized'):  # the size of the input set is that of the value
        sets[0] = sets[0].replace(f"x[{g['sets'][0]['sizes'][0]}", 'x[n').replace(f": {g['sets'][0]['sizes'][0]}]", ': n]')
    lines += sets
    lines += [edge_list(group) for group in g['lists']]
    return f"graph {g['name']}{'[n]' if g.get('sized') else ''}{g.get('parameters', '')} {{\n" + '\n'.join(lines) + '\n}'


def layer_arguments(op):
    parts = []
    learned = {'out': op.get('size'), 'size': op.get('filter')}
    for key, value in op['args'].items():
        shown = learned.get(key) or (budget(value) if isinstance(value, dict) else number(value))
        parts.append(shown if key in ('values', 'out', 'size') else f'{key} = {shown}')
    return '(' + ', '.join(parts) + ')' if parts else ''


def step(op):
    """What stands behind |> for an operation with one operand."""
    if op['op'] == 'scan':
        extra = f", truncate = {op['truncate']}" if op.get('truncate') else ''
        return f"scan({step(op['body'])}{extra})"
    if op['op'] == 'chain':
        bodies = op['bodies']
        if op['how'] == 'repeat':
            return f'repeat({len(bodies)}, {step(bodies[0])})'
        if op['how'] == 'each':
            return 'chain([linear(n) for n in [' + ', '.join(number(b['args']['out']) for b in bodies) + ']])'
        return 'chain([' + ', '.join(step(b) for b in bodies) + '])'
    text = op['name'] + layer_arguments(op)
    return f"within({text}, {op['within'][0]}, {op['within'][1]})" if op.get('within') else text


def operations(ops, first):
    """Operations as pipes: a value that is used once by the next operation needs no name."""
    uses = {}
    for op in ops:
        for name in op['in']:
            uses[name] = uses.get(name, 0) + 1
    lines, text, current = [], first, first
    for k, op in enumerate(ops):
        if len(op['in']) == 1 and op['in'][0] == current and (uses[current] == 1 or current == first):
            text = f'{text} |> {step(op)}'
        else:
            if current != first and text != current:
                lines.append(f'{current} = {text}')
            if op['op'] == 'binary':
                text = f"{op['in'][0]} {op['sym']} {op['in'][1]}"
            elif op['op'] == 'concat':
                text = f"concat({op['in'][0]}, {op['in'][1]})"
            else:
                text = f"{op['in'][0]} |> {step(op)}"
        current = op['id']
        if uses.get(current, 0) != 1 or k + 1 == len(ops) or ops[k + 1]['in'] != [current]:
            lines.append(f'{current} = {text}' if k + 1 < len(ops) else text)
            text = current
    return lines or [first]


def size(s):
    lines = [f"size {s['name']} in {s['low']} .. {s['high']} = {literal(s['start'])}"]
    return lines + ([f"cost {s['cost']} = {s['name']}"] if s.get('cost') else [])


def block(head, ops, first, sizes=()):
    lines = [line for s in sizes for line in size(s)] + operations(ops, first)
    if len(lines) == 1:
        return f'{head} = {lines[0]}'
    return f'{head} {{\n  ' + '\n  '.join(lines) + '\n}'


def call(c):
    args = ', '.join(f'{k} = {v if isinstance(v, str) else call(v) if isinstance(v, dict) else number(v)}'
                     for k, v in c['args'].items())
    return f"{c['name']}({args})" if args else c['name']


def cost(c):
    """A term of the loss: 0.1 * cost1, of the number of samples, or with a schedule."""
    factor = f"{call(c['schedule'])} * " if c['schedule'] else ''
    return f" {c['sign']} {factor}{literal(c['factor'])} * {c['name']}{' / samples' if c['samples'] else ''}"


def train(t, padded):
    data = f'npy("x.npy", "y.npy", split = 0{", padded = true" if padded else ""})'
    lines = [f"data = {f'one_hot({data})' if t['one_hot'] else data}", f"batch = {t['batch']}", f"epochs = {t['epochs']}",
             f"optim = {call(t['optim'])}", f"seed = {t['seed']}"]
    if t['seed'] % 3:
        lines.append(f"snapshots = {2 * (t['seed'] % 3) - 2}")  # 0 or 2: they change nothing
    if t.get('loss') or t['costs']:
        base = t.get('loss') or {'name': 'cross_entropy' if t['classes'] and not t['one_hot'] else 'mse', 'args': {}}
        lines.append('loss = ' + call(base) + ''.join(cost(c) for c in t['costs']))
    return 'train Net {\n  ' + '\n  '.join(lines) + '\n}'


def option(o):
    return f"option {o['name']} = {literal(o['value'] + 1 if o['given'] else o['value'])}"


def program(p):
    """The text of the file, and of cells.dnw, which it imports, if any."""
    OPTIONS.clear()
    OPTIONS.update({o['value']: o['name'] for o in p['options']})
    parts = [option(o) for o in p['options']]
    parts += [rule(r) for r in p.get('rules', []) if not r['library']]
    parts += [function(f) for f in p['fns'] if f['name'] not in p['imports']] + [graph(g) for g in p['graphs']]
    parts += [block(f"fn {b['name']}(x)", b['ops'], 'x') for b in p['blocks']]
    if "'Noisy'" in repr([p['model'], p['blocks']]):
        parts.append('fn Noisy(x) = x + noise(x, 0.3)')
    sizes = ', '.join(literal(n) for n in p['model']['input'])
    whole = f" keep {budget(p['model']['keep'])}" if p['model'].get('keep') else ''
    parts.append(block(f'model Net(x[{sizes}])', p['model']['ops'], 'x', p['model'].get('sizes', ())) + whole)
    parts.append(train(p['train'], p['model']['padded']))
    OPTIONS.clear()
    cells = [function(f) for f in p['fns'] if f['name'] in p['imports']]
    if cells:
        parts.insert(0, 'import "cells.dnw"')
    return '\n\n'.join(parts) + '\n', '\n\n'.join(cells) + '\n' if cells else None


def given(p):
    """The flags that give the options their values."""
    return [part for o in p['options'] if o['given'] for part in ('-D', f"{o['name']}={literal(o['value'])}")]
