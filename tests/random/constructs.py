"""What a program uses, for the table of slow.sh."""
import listed
from arrays import each_item


def constructs(p):
    """What a program uses, for the table of slow.sh."""
    found = {'optimiser ' + p['train']['optim']['name'], 'loss ' + ((p['train']['loss'] or {}).get('name') or 'by default').rstrip('0123456789')}
    found.add(f"snapshots {('by default', 'off', 'twice an epoch')[p['train']['seed'] % 3]}")
    if len(p['model']['output']) > 1:
        found.add('targets at positions')
    if p['model']['padded']:
        found.add('sequences of unequal length')
    if p['train']['one_hot']:
        found.add('data one_hot')
    for key in ('options', 'imports'):
        if p[key]:
            found.add(key)
    if isinstance(p['train']['optim']['args'].get('lr'), dict):
        found.add('schedule ' + p['train']['optim']['args']['lr']['name'])
    found |= {key for key in ('clip', 'decay', 'momentum') if p['train']['optim']['args'].get(key)}
    if p['train']['samples'] > p['train']['batch']:
        found.add('several steps an epoch')
    for ops in [p['model']['ops']] + [b['ops'] for b in p['blocks']]:
        for item in each_item(ops):
            found.add('layer ' + item['name'] if item['op'] == 'layer' else 'model ' + item.get('how', item['op']))
            if item['op'] == 'scan':
                found.add('scan of ' + item['body']['op'] + (', truncated' if item.get('truncate') else ''))
    if p['model'].get('keep'):
        found.add('keep of the model ' + p['model']['keep']['kind'])
    for g in p['graphs']:
        found |= graph_constructs(p, g)
    found |= {f'learned {key}' for key in ('size', 'filter', 'within') for item in p['model']['ops'] if item.get(key)}
    found |= {'cost'} if p['train']['costs'] else set()
    for fn in p['fns']:
        found |= {'port'} if fn.get('port') else set()
        found |= {'edges that add to two ports'} if fn.get('second') else set()
        found |= {'weight ' + w['init'].strip('~ ').split('(')[0].split(' ')[0] for w in fn['weights'] if '~' in w['init']}
        found |= {'weight fixed' if w['trait'] == 'fixed' else 'weight with factors' for w in fn['weights'] if w.get('trait')}
        found |= {'shared weight' for w in fn['weights'] if w.get('shared')} | {'range of a weight' for w in fn['weights'] if w.get('range')}
        found |= {'array ' + kind for kind in ('each', 'list', 'array', 'item') if f"['{kind}', " in repr([fn['value'], fn['moves']])}
        if len(fn['states']) > 1:
            found.add('two states')
        found |= {'learned first state'} if any(isinstance(s['start'], str) for s in fn['states']) else set()
        if 'batch_norm' in repr(fn['value']):
            found.add('batch_norm in a function')
    return found


def graph_constructs(p, g):
    fns = {f['name']: f for f in p['fns']}
    time = g['time']
    found = {'rule ' + group['using']['rule'].rstrip('0123456789') for group in g['lists'] if group.get('using')}
    trees = {r['name']: r for r in p['rules']}
    for group in g['lists']:
        rule = trees[group['using']['rule']] if group.get('using') else {}
        found |= {f'rule with {key}' for key in ('start', 'forward', 'used') if rule.get(key)}
        found |= {'rule with redistribute'} if 'redistribute' in repr(rule) else set()
        found |= {f"rule under {group['budget']['kind']}"} if rule else set()
    found |= {'graph static' if not time else 'graph ' + time.get('solver', 'steps')}
    for s in g['sets']:
        found |= {'set ' + ('moving input' if s['kind'] == 'input' else 'function')} if s['fn'] else set()
        found |= {'coordinates'} if s.get('at') else set()
        found |= {'index in a function'} if s['fn'] and 'place' in s['fn'].get('args', {}) else set()
    for group in g['lists']:
        kind = group['budget']['kind'] if group['budget'] else 'none'
        found.add(f"{group['rule']} {kind}" if group['budget'] else 'no budget')
        found |= {f"groups by {group['score']}"} if group.get('of') else set()
        found |= {'tied weights of several lists' if group.get('text') else 'tied weights'} if group.get('tied') else set()
        if len(group['lines']) > 1:
            found.add('several lines in a list')
        for line in group['lines']:
            if line.get('listed'):
                found |= {'edges from a table of several lines'} if listed.line_in_table(line['listed']) else set()
                found |= {'edges from a file', 'weights from a file'} if len(line['listed']['rows'][0]) == 3 else {'edges from a file'}
            found |= {'generator ' + line['made']['name']} if line.get('made') else set()
            ref = line.get('via') or group.get('via')
            found |= {f"via of {ref.get('given', 1)}"} if ref and ref['fn'] in fns else set()
            found |= {title for title in ('any', 'all', 'count') if f"'call', '{title}'" in repr(line.get('where'))}
            found |= {'chance by key'} if repr(line.get('where')).count("'chance'") > bool(line.get('drawn')) else set()
            found |= {'chance' if line.get('drawn') else 'where'} if line.get('where') else set()
    return found
